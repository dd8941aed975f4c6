"""What a benchmark measured, and what it should reach; what is missed is printed as missed."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import BaseModel

Sense = Literal["at most", "at least"]


class Figure(BaseModel, frozen=True):
    """Something that was measured, once in each round, and the goal for its median."""

    what: str
    values: tuple[float, ...]
    unit: str = ""
    """Empty for a ratio."""
    goal: float | None = None
    sense: Sense = "at most"

    @property
    def median(self) -> float:
        """The figure that counts."""
        return median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.median <= self.goal if self.sense == "at most" else self.median >= self.goal

    @property
    def spread(self) -> str:
        """The least and the most; empty after a single round."""
        if len(self.values) == 1:
            return ""
        return f"{rounded(min(self.values))} to {rounded(max(self.values))}"

    @property
    def measured(self) -> str:
        """The median in words."""
        return with_unit(rounded(self.median), self.unit)

    @property
    def wanted(self) -> str:
        """The goal in words; empty where there is none."""
        return "" if self.goal is None else with_unit(f"{self.goal:.4g}", self.unit)

    def __str__(self) -> str:
        """A line that tells all of it."""
        line = f"{self.what}: {self.measured}"
        if self.spread:
            line += f" ({self.spread}; n = {len(self.values)})"
        if self.goal is not None:
            line += f"; goal: {self.sense} {self.wanted}: {'met' if self.is_met else 'MISSED'}"
        return line


class Measurements(BaseModel, frozen=True):
    """All that one benchmark found, as it is written to disk."""

    conditions: str
    figures: tuple[Figure, ...] = ()
    not_measured: tuple[str, ...] = ()


class Goals:
    """Collects figures, compares them with what they should be, and remembers how that went."""

    def __init__(self, conditions: str = "") -> None:
        """Nothing is measured yet; `conditions` say in a phrase what holds for all figures."""
        self._conditions = conditions
        self._figures: list[Figure] = []
        self._not_measured: list[str] = []

    def figure(self, what: str, values: Sequence[float], unit: str = "") -> str:
        """A line that tells `values`, one a round, for which there is no goal."""
        return self._add(Figure(what=what, values=tuple(values), unit=unit))

    def at_most(self, what: str, values: Sequence[float], limit: float, unit: str = "") -> str:
        """A line that tells `values`, whose median should not be more than `limit`."""
        return self._add(Figure(what=what, values=tuple(values), unit=unit, goal=limit))

    def at_least(self, what: str, values: Sequence[float], limit: float, unit: str = "") -> str:
        """A line that tells `values`, whose median should not be less than `limit`."""
        return self._add(
            Figure(what=what, values=tuple(values), unit=unit, goal=limit, sense="at least")
        )

    def _add(self, figure: Figure) -> str:
        self._figures.append(figure)
        return str(figure)

    def skip(self, what: str) -> None:
        """Remember what could not be measured."""
        self._not_measured.append(what)

    @property
    def is_met(self) -> bool:
        """Whether nothing is missed."""
        return not self._missed

    @property
    def _missed(self) -> list[Figure]:
        return [figure for figure in self._figures if figure.is_met is False]

    def summary(self) -> str:
        """What was missed and what was not measured."""
        lines = [f"goal missed: {figure}" for figure in self._missed]
        lines = lines or ["every measured goal is met"]
        return "\n".join(lines + [f"not measured: {what}" for what in self._not_measured])

    def write(self, path: Path | None) -> None:
        """Write all figures to `path`, where one is given."""
        if path:
            found = Measurements(
                conditions=self._conditions,
                figures=tuple(self._figures),
                not_measured=tuple(self._not_measured),
            )
            path.write_text(found.model_dump_json(indent=1))


def parser(description: str | None, *, rounds: int | None = None) -> argparse.ArgumentParser:
    """The flags that benchmarks have in common; `rounds` is how many there are by default."""
    flags = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds:
        flags.add_argument("--rounds", type=int, default=rounds)
    flags.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return flags


def quotients(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """One over the other, round by round."""
    return [one / other for one, other in zip(some, others, strict=True)]


def with_unit(figure: str, unit: str) -> str:
    """A figure as it is read."""
    return f"{figure} {unit}".rstrip()


def rounded(value: float) -> str:
    """Three digits, or all that are before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"
