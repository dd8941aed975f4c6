"""Find what hangs together in a black-and-white image."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Components(NamedTuple):
    """The connected components of a mask, the largest first."""

    labels: NDArray[np.intp]
    """[height, width]: 0 is background, 1 the first component."""
    boxes: NDArray[np.intp]
    """[N, 4]: top, left, bottom and right, the last two beyond the component."""
    areas: NDArray[np.intp]
    """[N], in pixels."""


def components(mask: NDArray[np.bool_]) -> Components:
    """Pixels that touch by a side or a corner hang together.

    Runs of pixels in a row are the nodes, and the smallest node of a component is its root: a union
    of all pairs at once is repeated until nothing changes (Shiloach and Vishkin, 1982).
    """
    height, width = mask.shape
    # Two more columns, so that no run touches one of another row but those above and below it.
    stride = width + 2
    flat = np.zeros((height, stride), np.int8)
    flat[:, 1:-1] = mask
    changes = np.diff(flat.ravel())
    starts, ends = np.flatnonzero(changes > 0) + 1, np.flatnonzero(changes < 0) + 1
    roots = _roots(len(starts), *_touching(starts, ends, stride))
    _, numbers = np.unique(roots, return_inverse=True)
    return _measured(mask.shape, starts, ends, numbers)


def _touching(
    starts: NDArray[np.intp], ends: NDArray[np.intp], stride: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of runs that touch, as two arrays of their numbers."""
    first = np.searchsorted(ends, starts + stride, side="left")
    beyond = np.searchsorted(starts, ends + stride, side="right")
    counts = np.maximum(beyond - first, 0)
    above = np.repeat(np.arange(len(starts)), counts)
    nth = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return above, np.repeat(first, counts) + nth


def _roots(count: int, one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    roots = np.arange(count)
    while True:
        low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
        if np.array_equal(low, high):
            return roots
        np.minimum.at(roots, high, low)
        while not np.array_equal(roots, roots[roots]):
            roots = roots[roots]


def _measured(
    shape: tuple[int, ...],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    numbers: NDArray[np.intp],
) -> Components:
    height, width = shape
    stride = width + 2
    count = int(numbers.max(initial=-1)) + 1
    areas = np.zeros(count, np.intp)
    np.add.at(areas, numbers, ends - starts)
    order = np.argsort(-areas, kind="stable")
    numbers = np.argsort(order)[numbers]
    rows, left, right = starts // stride, starts % stride - 1, ends % stride - 1
    boxes = np.full((count, 4), (height, width, 0, 0), np.intp)
    np.minimum.at(boxes[:, 0], numbers, rows)
    np.minimum.at(boxes[:, 1], numbers, left)
    np.maximum.at(boxes[:, 2], numbers, rows + 1)
    np.maximum.at(boxes[:, 3], numbers, right)
    labels = np.zeros(height * stride + 1, np.intp)
    labels[starts] += numbers + 1
    labels[ends] -= numbers + 1
    return Components(labels.cumsum()[:-1].reshape(height, stride)[:, 1:-1], boxes, areas[order])
