"""What differs between two versions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from registry.card import ModelCard

# These differ between any two versions and say nothing.
_INCIDENTAL = {"version", "publish_id", "created_at", "format", "signatures"}


class Difference(NamedTuple):
    """One place in which two cards differ; None on the side where there is nothing."""

    path: str
    left: Any
    right: Any

    def __str__(self) -> str:
        if isinstance(self.left, float) and isinstance(self.right, float):
            return f"{self.path}: {self.left:g} → {self.right:g} ({self.right - self.left:+.3g})"
        return f"{self.path}: {_told(self.left)} → {_told(self.right)}"


def differences(left: ModelCard, right: ModelCard) -> list[Difference]:
    """Where the cards differ, in the order of their paths."""
    ours, theirs = dict(_leaves(_content(left))), dict(_leaves(_content(right)))
    return [
        Difference(path, ours.get(path), theirs.get(path))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def _content(card: ModelCard) -> dict[str, Any]:
    content = card.model_dump(mode="json", exclude=_INCIDENTAL)
    if card.outcomes:
        # A bit for each example is not for reading.
        content["outcomes"]["correct"] = f"{card.outcomes.bits.bit_count()} of the examples"
    return content


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _told(value: Any) -> str:  # noqa: ANN401 - any JSON
    return "nothing" if value is None else str(value)
