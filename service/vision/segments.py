"""Find the digits on a sheet: what hangs together, and what belongs together."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.vision.components import Components, components
from service.vision.ink import MIN_CONTRAST, Grey, Sheet


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


class Mark(NamedTuple):
    """What may be one digit."""

    box: Box
    """Where it is on the sheet."""
    ink: Grey
    """What is in the box, without what else reaches into it: 0 is paper, 255 solid ink."""


# Connected components are looked for in an image of at most this side, so that what is broken
# by less than a pixel of it hangs together.
_COARSE_SIDE = 140

# Shares of the strongest ink: below the first a pixel is paper, above the second it is solid ink.
_LIMITS_WHERE_EVEN = (0.2, 0.8)
_LIMITS_WHERE_UNEVEN = (0.4, 0.8)

# Of 255: how much ink a coarse pixel holds at least that belongs to a mark.
_INKED = 25

_STRONG = 0.7
_MIN_AREA = 0.02
_MIN_HEIGHT = 0.35
_NEAR = 0.4
_HALVES = 0.15
_BESIDE = 0.2


def marks(sheet: Sheet) -> list[Mark]:
    """What may be digits on the sheet: lines from the top, and each from the left."""
    factor = math.ceil(math.sqrt(sheet.ink.size) / _COARSE_SIDE)
    coarse = np.asarray(Image.fromarray(sheet.ink).reduce(factor))
    peak = int(coarse.max())
    for _ in range(3):
        if peak < MIN_CONTRAST:
            return []
        solid = _solid(sheet, peak)
        inked = np.asarray(Image.fromarray(solid).reduce(factor)) > _INKED
        found = components(inked)
        kept = _kept(found, inked.shape, sheet.is_even)
        if not len(kept):
            return []
        peaks = np.zeros(len(found.areas) + 1, np.uint8)
        np.maximum.at(peaks, found.labels.ravel(), coarse.ravel())
        if not sheet.is_even:
            kept = kept[peaks[kept + 1] >= _STRONG * peaks[kept + 1].max()]
        weaker = int(peaks[kept + 1].max())
        if weaker >= 0.9 * peak:
            break
        peak = weaker
    groups = _in_reading_order(_grouped(found, kept), found.boxes)
    return [_cut(solid, found, group, factor) for group in groups]


def _solid(sheet: Sheet, peak: int) -> Grey:
    low, high = _LIMITS_WHERE_EVEN if sheet.is_even else _LIMITS_WHERE_UNEVEN
    levels = (np.arange(256) / peak - low) / (high - low) * 255
    return levels.clip(0, 255).astype(np.uint8).take(sheet.ink)


def _kept(found: Components, shape: tuple[int, ...], is_even: bool) -> NDArray[np.intp]:
    """The components that are no specks, and where light is uneven, none that come from outside."""
    tops, lefts, bottoms, rights = found.boxes.T
    is_inside = (tops > 0) & (lefts > 0) & (bottoms < shape[0]) & (rights < shape[1])
    heights, areas = bottoms - tops, found.areas
    worth = areas >= 3
    if not is_even and (is_inside & worth & (heights >= 5)).any():
        worth &= is_inside
    if worth.any():
        worth &= areas >= _MIN_AREA * areas[worth].max()
    return np.flatnonzero(worth)


def _grouped(found: Components, kept: NDArray[np.intp]) -> list[list[int]]:
    """Components that are parts of one digit, together; crumbs are left out."""
    groups: list[tuple[Box, list[int]]] = []
    order = kept[np.argsort(-(found.boxes[kept, 2] - found.boxes[kept, 0]), kind="stable")]
    for number in order:
        box = Box(*map(int, found.boxes[number]))
        for place, (other, members) in enumerate(groups):
            if _belong_together(other, box):
                groups[place] = (_around(other, box), [*members, int(number)])
                break
        else:
            groups.append((box, [int(number)]))
    tallest = max(box.height for box, _ in groups)
    return [members for box, members in groups if box.height >= _MIN_HEIGHT * tallest]


def _belong_together(taller: Box, box: Box) -> bool:
    across = min(taller.right, box.right) - max(taller.left, box.left)
    down = min(taller.bottom, box.bottom) - max(taller.top, box.top)
    size = max(taller.height, taller.width)
    is_small = box.height < 0.5 * taller.height
    if across >= 0.5 * min(taller.width, box.width):
        return -down <= (_NEAR if is_small else _HALVES) * size
    return is_small and max(-across, -down) <= _BESIDE * size


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.top, other.top),
        min(one.left, other.left),
        max(one.bottom, other.bottom),
        max(one.right, other.right),
    )


def _in_reading_order(groups: list[list[int]], boxes: NDArray[np.intp]) -> list[list[int]]:
    """Lines from the top, and each from the left."""
    lines: list[tuple[int, int, list[list[int]]]] = []
    for group in sorted(groups, key=lambda group: int(boxes[group, 0].min())):
        top, bottom = int(boxes[group, 0].min()), int(boxes[group, 2].max())
        for place, (line_top, line_bottom, members) in enumerate(lines):
            common = min(bottom, line_bottom) - max(top, line_top)
            if common >= 0.5 * min(bottom - top, line_bottom - line_top):
                lines[place] = (min(top, line_top), max(bottom, line_bottom), [*members, group])
                break
        else:
            lines.append((top, bottom, [group]))
    return [
        group
        for _, _, line in lines
        for group in sorted(line, key=lambda group: int(boxes[group, 1].min()))
    ]


def _cut(solid: Grey, found: Components, group: list[int], factor: int) -> Mark:
    top, left = (int(low) for low in found.boxes[group, :2].min(0))
    bottom, right = (int(high) for high in found.boxes[group, 2:].max(0))
    within = found.labels[top:bottom, left:right]
    ink = solid[top * factor : bottom * factor, left * factor : right * factor]
    is_foreign = np.ones(len(found.areas) + 1, np.bool_)
    is_foreign[[0, *(number + 1 for number in group)]] = False
    foreign = is_foreign[within]
    if foreign.any():
        hidden = foreign.repeat(factor, 0).repeat(factor, 1)[: ink.shape[0], : ink.shape[1]]
        ink = np.where(hidden, np.uint8(0), ink)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = Box(
        top * factor + int(rows[0]),
        left * factor + int(columns[0]),
        top * factor + int(rows[-1]) + 1,
        left * factor + int(columns[-1]) + 1,
    )
    return Mark(box, ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
