"""Find the digits on a sheet: what hangs together, and is neither speck nor shadow."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.vision.components import Components, components
from service.vision.grouping import Box, Group, grouped, in_reading_order
from service.vision.ink import MIN_CONTRAST, Grey, Sheet, with_levels

# Components are looked for in an image that is as large as a square of this side, so that what is
# broken by less than one of its pixels hangs together.
_COARSE_SIDE = 140


class _Rules(NamedTuple):
    """What counts as ink."""

    faintest: int
    """Of 255: with less ink than this at its strongest place, a sheet is blank."""
    paper: float
    """As a share of the strongest ink: a pixel with less is paper."""
    solid: float
    """A pixel with more than this share is nothing but ink."""


_EVEN = _Rules(MIN_CONTRAST, 0.2, 0.8)
# Shadows, creases and printed lines are fainter than ink.
_UNEVEN = _Rules(2 * MIN_CONTRAST, 0.4, 0.8)

# Of 255: how much ink a coarse pixel holds at least that belongs to a component.
_INKED = 25

# In coarse pixels: smaller components are specks, and so is what has less than this share of the
# area of the largest.
_SPECK_AREA = 3
_SPECK_SHARE = 0.02
# In coarse pixels: what is lower cannot be read.
_LOWEST = 5

# Where light is uneven, what is fainter than this share of the strongest ink is none.
_FAINT = 0.7


class Mark(NamedTuple):
    """What may be one digit."""

    box: Box
    """Where it is on the sheet."""
    ink: Grey
    """What is in the box, without what else reaches into it: 0 is paper, 255 solid ink."""


def marks(sheet: Sheet) -> list[Mark]:
    """What may be digits on the sheet: lines from the top, and each from the left."""
    rules = _EVEN if sheet.is_even else _UNEVEN
    factor = math.ceil(math.sqrt(sheet.ink.size) / _COARSE_SIDE)
    coarse = np.asarray(Image.fromarray(sheet.ink).reduce(factor))
    strongest = int(coarse.max())
    while strongest >= rules.faintest:
        ink = _limited(sheet.ink, strongest, rules)
        found = components(np.asarray(Image.fromarray(ink).reduce(factor)) > _INKED)
        kept = _without_specks(found)
        if not sheet.is_even:
            kept, strongest_kept = _without_shadows(found, kept, coarse)
            if strongest_kept < 0.9 * strongest:
                # What was taken for ink was none: the ink is fainter than that.
                strongest = strongest_kept
                continue
        groups = in_reading_order(grouped(found.boxes, kept.tolist()))
        return [_cut(ink, found, group, factor) for group in groups]
    return []


def _limited(ink: Grey, strongest: int, rules: _Rules) -> Grey:
    """`ink` with paper as 0 and solid ink as 255."""
    levels = (np.arange(256) / strongest - rules.paper) / (rules.solid - rules.paper)
    return with_levels(ink, levels * 255)


def _without_specks(found: Components) -> NDArray[np.intp]:
    largest = found.areas.max(initial=0)
    return np.flatnonzero(found.areas >= max(_SPECK_AREA, _SPECK_SHARE * largest))


def _without_shadows(
    found: Components, numbers: NDArray[np.intp], coarse: Grey
) -> tuple[NDArray[np.intp], int]:
    """Those that do not reach in from beyond the image, if there are such, and are not faint.

    Also the strongest ink among them, 0 where nothing is left.
    """
    tops, lefts, bottoms, rights = found.boxes[numbers].T
    height, width = coarse.shape
    is_inside = (tops > 0) & (lefts > 0) & (bottoms < height) & (rights < width)
    if (is_inside & (bottoms - tops >= _LOWEST)).any():
        numbers = numbers[is_inside]
    strengths = np.zeros(len(found.areas) + 1, np.uint8)
    np.maximum.at(strengths, found.labels.ravel(), coarse.ravel())
    strongest = int(strengths[numbers + 1].max(initial=0))
    return numbers[strengths[numbers + 1] >= _FAINT * strongest], strongest


def _cut(ink: Grey, found: Components, group: Group, factor: int) -> Mark:
    """What belongs to the group, in the smallest box around its ink."""
    top, left, bottom, right = group.box
    cut = ink[top * factor : bottom * factor, left * factor : right * factor]
    is_foreign = np.ones(len(found.areas) + 1, np.bool_)
    is_foreign[[0, *(number + 1 for number in group.members)]] = False
    foreign = is_foreign[found.labels[top:bottom, left:right]]
    if foreign.any():
        hidden = foreign.repeat(factor, 0).repeat(factor, 1)[: cut.shape[0], : cut.shape[1]]
        cut = np.where(hidden, np.uint8(0), cut)
    rows, columns = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
    box = Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    offset = (top * factor, left * factor) * 2
    return Mark(
        Box(*(int(side) + start for side, start in zip(box, offset, strict=True))),
        cut[box.top : box.bottom, box.left : box.right],
    )
