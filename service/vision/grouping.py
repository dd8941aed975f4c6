"""Put the parts of a digit together, and digits into the order in which they are read."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Gaps between parts of one digit, as shares of the larger side of the larger part:
# above or below a small part, such as the hat of a 5, ...
_GAP_TO_HAT = 0.4
# ... beside it, ...
_GAP_BESIDE = 0.2
# ... and between halves, such as those of a broken 8. Lines of digits are further apart.
_GAP_BETWEEN_HALVES = 0.15

# Shares of the height of another: less is a small part of that, ...
_SMALL = 0.5
# ... and what belongs to none and is less than this share of the tallest is no digit.
_LOWEST = 0.45


class Box(NamedTuple):
    """A rectangle in pixels; bottom and right are beyond it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    def around(self, other: "Box") -> "Box":
        """The smallest box with both in it."""
        low = map(min, self[:2], other[:2])
        high = map(max, self[2:], other[2:])
        return Box(*low, *high)


class Group(NamedTuple):
    """Components that make one digit."""

    box: Box
    members: list[int]
    """Their numbers."""


def grouped(boxes: NDArray[np.intp], numbers: Iterable[int]) -> list[Group]:
    """Those `numbers` of components with `boxes` [N, 4] that belong together; crumbs are left out.

    The tallest come first, so that a small part finds what it belongs to.
    """
    groups: list[Group] = []
    parts = [Group(Box(*boxes[number].tolist()), [number]) for number in numbers]
    for part in sorted(parts, key=lambda part: -part.box.height):
        for place, group in enumerate(groups):
            if _belong_together(group.box, part.box):
                groups[place] = Group(group.box.around(part.box), [*group.members, *part.members])
                break
        else:
            groups.append(part)
    tallest = max((group.box.height for group in groups), default=0)
    return [group for group in groups if group.box.height >= _LOWEST * tallest]


def in_reading_order(groups: list[Group]) -> list[Group]:
    """Lines from the top, each from the left. Who stands beside half a line belongs to it."""
    lines: list[tuple[Box, list[Group]]] = []
    for group in sorted(groups, key=lambda group: group.box.top):
        for place, (line, members) in enumerate(lines):
            if _common_height(line, group.box) >= 0.5 * min(line.height, group.box.height):
                lines[place] = (line.around(group.box), [*members, group])
                break
        else:
            lines.append((group.box, [group]))
    return [group for _, line in lines for group in sorted(line, key=lambda group: group.box.left)]


def _belong_together(taller: Box, part: Box) -> bool:
    common_width = min(taller.right, part.right) - max(taller.left, part.left)
    common_height = _common_height(taller, part)
    size = max(taller.height, taller.width)
    is_small = part.height < _SMALL * taller.height
    if common_width >= 0.5 * min(taller.width, part.width):
        return -common_height <= (_GAP_TO_HAT if is_small else _GAP_BETWEEN_HALVES) * size
    return is_small and max(-common_width, -common_height) <= _GAP_BESIDE * size


def _common_height(one: Box, other: Box) -> int:
    """Of two boxes beside one another; negative where there is a gap between them."""
    return min(one.bottom, other.bottom) - max(one.top, other.top)
