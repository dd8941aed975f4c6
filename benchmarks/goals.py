"""What a benchmark should reach; what is missed is printed as missed."""


class Goals:
    """Compares figures with what they should be, and remembers how that went."""

    def __init__(self) -> None:
        """Nothing is missed yet."""
        self._missed: list[str] = []
        self._skipped: list[str] = []

    def check(self, what: str, *, met: bool) -> str:
        """A remark to print beside the figure."""
        if not met:
            self._missed.append(what)
        return f"goal: {what}: {'met' if met else 'MISSED'}"

    def at_most(self, what: str, value: float, limit: float) -> str:
        """A line that tells `value`, which should not be more than `limit`."""
        return f"{value:.2f}: " + self.check(f"{what} at most {limit}", met=value <= limit)

    def at_least(self, what: str, value: float, limit: float) -> str:
        """A line that tells `value`, which should not be less than `limit`."""
        return f"{value:.2f}: " + self.check(f"{what} at least {limit}", met=value >= limit)

    def skip(self, what: str) -> None:
        """Remember what could not be measured."""
        self._skipped.append(what)

    @property
    def is_met(self) -> bool:
        """Whether nothing is missed."""
        return not self._missed

    def summary(self) -> str:
        """What was missed and what was not measured."""
        lines = [f"goal missed: {what}" for what in self._missed] or ["every measured goal is met"]
        return "\n".join(lines + [f"not measured: {what}" for what in self._skipped])
