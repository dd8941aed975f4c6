"""Draw lines with a pen: what a pixel holds follows from its distance to the nearest segment.

Everything is done for many drawings at once that have equally many points: a stroke is an array
[N, points, 2] of x (to the right) and y (downwards) of N drawings, in any unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.framing import BOX_SIDE, centred

Stroke = NDArray[np.float32]
_Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Pens:
    """The pen of each of N drawings; every array is [N]."""

    radius: _Floats
    """In pixels of the box of 20 by 20 into which the drawing is fitted."""
    softness: _Floats
    """Pixels over which an edge fades."""
    contrast: _Floats
    """How much thinner horizontal lines are than vertical ones: 0, not at all, to 1."""
    is_square: NDArray[np.bool_]
    """Whether straight lines end in corners instead of half discs."""


class _Segments(NamedTuple):
    """Of N drawings: [N, segments, 2], but half_length [N, segments]; directions have length 1."""

    middle: _Floats
    direction: _Floats
    half_length: _Floats


def drawings(strokes: Sequence[Stroke], pens: Pens) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] of `strokes`, fitted and centred as MNIST's."""
    segments = _segments(_fitted(strokes, pens.radius))
    radius = pens.radius[:, None] * (
        1 - pens.contrast[:, None] * np.abs(segments.direction[..., 0])
    )
    # The short segments of an arc overlap like scales, unless their ends are round.
    is_square = pens.is_square[:, None] & (segments.half_length > radius)
    depth = np.full((len(radius), BOX_SIDE, BOX_SIDE), -np.inf, np.float32)
    for number in range(radius.shape[1]):
        distance = _distance(segments, number, is_square[:, number])
        np.maximum(depth, radius[:, number, None, None] - distance, out=depth)
    return centred((depth / pens.softness[:, None, None] + 0.5).clip(0, 1))


def slanted(strokes: Sequence[Stroke], slant: _Floats) -> list[Stroke]:
    """The strokes with their tops moved to the right: by `slant` [N] for each unit of height."""
    shear = np.zeros((len(slant), 2, 2), np.float32)
    shear[:, 0, 0] = shear[:, 1, 1] = 1
    shear[:, 1, 0] = -slant
    return [stroke @ shear for stroke in strokes]


def _fitted(strokes: Sequence[Stroke], radius: _Floats) -> list[Stroke]:
    """Scale and move the strokes so that the pen stays within the box and touches two sides."""
    points = np.concatenate(strokes, 1)
    low, high = points.min(1), points.max(1)
    scale = (BOX_SIDE - 2 * radius) / (high - low).max(1).clip(1e-6)
    middle = (low + high) / 2
    return [(stroke - middle[:, None]) * scale[:, None, None] + BOX_SIDE / 2 for stroke in strokes]


def _segments(strokes: Sequence[Stroke]) -> _Segments:
    begins = np.concatenate([stroke[:, :-1] for stroke in strokes], 1)
    ends = np.concatenate([stroke[:, 1:] for stroke in strokes], 1)
    half = (ends - begins) / 2
    half_length = np.sqrt((half * half).sum(2))
    direction = half / half_length[..., None].clip(1e-6)
    # A point, which is a segment of no length, has no direction: any will do.
    direction[half_length < 1e-6] = (1, 0)
    return _Segments((begins + ends) / 2, direction, half_length)


def _distance(segments: _Segments, number: int, is_square: NDArray[np.bool_]) -> _Floats:
    """From each pixel of the box to one segment of each drawing: [N, 20, 20].

    Where `is_square` [N] it is the larger of the distances along and across the segment, so that
    what is near it is a rectangle.
    """
    middle, direction, half_length = (of[:, number, ..., None] for of in segments)
    pixels = np.arange(BOX_SIDE, dtype=np.float32) + 0.5
    x, y = pixels - middle[:, 0], pixels - middle[:, 1]
    along = (x * direction[:, 0])[:, None, :] + (y * direction[:, 1])[:, :, None]
    across = (x * direction[:, 1])[:, None, :] - (y * direction[:, 0])[:, :, None]
    beyond = np.maximum(np.abs(along, out=along) - half_length[..., None], 0)
    np.abs(across, out=across)
    distance = np.sqrt(beyond * beyond + across * across)
    return np.maximum(beyond, across, out=distance, where=is_square[:, None, None])
