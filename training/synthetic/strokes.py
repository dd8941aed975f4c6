"""Draw lines with a pen: what a pixel holds follows from its distance to the nearest segment.

Everything is done for many drawings at once that have equally many points: a stroke is an array
[N, points, 2] of x (to the right) and y (downwards) of N drawings, in any unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.framing import BOX_SIDE, centred

Stroke = NDArray[np.float32]


@dataclass(frozen=True)
class Pens:
    """The pen of each of N drawings; every array is [N]."""

    radius: NDArray[np.float32]
    """In pixels of the box of 20 by 20 into which the drawing is fitted."""
    softness: NDArray[np.float32]
    """Pixels over which an edge fades."""
    contrast: NDArray[np.float32]
    """How much thinner horizontal lines are than vertical ones: 0, not at all, to 1."""


def drawings(
    strokes: Sequence[Stroke], pens: Pens, *, square_ends: bool = False
) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] of `strokes`, fitted and centred as MNIST's.

    With `square_ends` straight lines end in corners instead of half discs.
    """
    segments = _segments(_fitted(strokes, pens.radius))
    return centred(_ink(*segments, pens, square_ends=square_ends))


def slanted(strokes: Sequence[Stroke], slant: NDArray[np.float32]) -> list[Stroke]:
    """The strokes with their tops moved to the right: by `slant` [N] for each unit of height."""
    shear = np.zeros((len(slant), 2, 2), np.float32)
    shear[:, 0, 0] = shear[:, 1, 1] = 1
    shear[:, 1, 0] = -slant
    return [stroke @ shear for stroke in strokes]


def _fitted(strokes: Sequence[Stroke], radius: NDArray[np.float32]) -> list[Stroke]:
    """Scale and move the strokes so that the pen stays within the box and touches two sides."""
    points = np.concatenate(strokes, 1)
    low, high = points.min(1), points.max(1)
    scale = (BOX_SIDE - 2 * radius) / (high - low).max(1).clip(1e-6)
    middle = (low + high) / 2
    return [(stroke - middle[:, None]) * scale[:, None, None] + BOX_SIDE / 2 for stroke in strokes]


def _segments(strokes: Sequence[Stroke]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where the segments of all strokes begin, and where they end: two of [N, segments, 2]."""
    begins = np.concatenate([stroke[:, :-1] for stroke in strokes], 1)
    ends = np.concatenate([stroke[:, 1:] for stroke in strokes], 1)
    return begins, ends


def _ink(
    begins: NDArray[np.float32], ends: NDArray[np.float32], pens: Pens, *, square_ends: bool
) -> NDArray[np.float32]:
    """How much ink each pixel of the box holds, from 0 to 1: [N, 20, 20]."""
    middles, halves = (begins + ends) / 2, (ends - begins) / 2
    lengths = np.sqrt((halves * halves).sum(2))
    directions = halves / lengths[..., None].clip(1e-6)
    # A point, which is a segment of no length, has no direction: any will do.
    directions[lengths < 1e-6] = (1, 0)
    radii = pens.radius[:, None] * (1 - pens.contrast[:, None] * np.abs(directions[..., 0]))
    # The short segments of an arc overlap like scales, unless their ends are round.
    square = lengths > radii if square_ends else np.zeros_like(lengths, np.bool_)
    depth = np.full((len(begins), BOX_SIDE, BOX_SIDE), -np.inf, np.float32)
    for number in range(begins.shape[1]):
        distance = _distance(*(of[:, number] for of in (middles, directions, lengths, square)))
        np.subtract(radii[:, number, None, None], distance, out=distance)
        np.maximum(depth, distance, out=depth)
    ink: NDArray[np.float32] = depth / pens.softness[:, None, None] + 0.5
    return ink.clip(0, 1, out=ink)


def _distance(
    middle: NDArray[np.float32],
    direction: NDArray[np.float32],
    half_length: NDArray[np.float32],
    square: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """From each pixel to one segment of each drawing: [N, 20, 20].

    Where `square` it is the larger of the distances along and across the segment, which makes its
    surroundings a rectangle.
    """
    pixels = np.arange(BOX_SIDE, dtype=np.float32) + 0.5
    x, y = pixels - middle[:, :1], pixels - middle[:, 1:]
    along = (x * direction[:, :1])[:, None, :] + (y * direction[:, 1:])[:, :, None]
    across = (x * direction[:, 1:])[:, None, :] - (y * direction[:, :1])[:, :, None]
    beyond = np.abs(along, out=along)
    beyond -= half_length[:, None, None]
    np.maximum(beyond, 0, out=beyond)
    np.abs(across, out=across)
    distance = np.sqrt(beyond * beyond + across * across)
    return np.maximum(beyond, across, out=distance, where=square[:, None, None])
