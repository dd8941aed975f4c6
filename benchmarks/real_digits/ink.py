"""Write MNIST's digits anew, with any pen and at any size."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Ink = NDArray[np.floating[Any]]
"""How much of each place of a sheet is inked: [height, width], 0 to 1."""

_FINE = 4
_SIDE = 28


@dataclass(frozen=True)
class Hand:
    """How a digit is put on a sheet."""

    height: float
    """Of the frame of 28 pixels, in pixels of the sheet."""
    centre: tuple[float, float]
    """Where the middle of the frame comes, x and y."""
    angle: float = 0
    """Degrees by which it is turned."""
    shear: tuple[float, float] = (0, 0)
    """Slant and tilt: how a sheet looks that is not seen from straight above."""

    def matrix(self) -> NDArray[np.float64]:
        """What takes x and y, from the middle of the frame and in its pixels, to the sheet."""
        turn = math.radians(self.angle)
        rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        shear = np.array([[1, self.shear[0]], [self.shear[1], 1]])
        matrix: NDArray[np.float64] = rotation @ shear * (self.height / _SIDE)
        return matrix


def brushed(digit: NDArray[np.uint8], sheet: tuple[int, int], hand: Hand) -> Ink:
    """The digit uint8 [28, 28] enlarged as it is, on a sheet of (width, height)."""
    inverse = np.linalg.inv(hand.matrix())
    offset = np.full(2, _SIDE * _FINE / 2) - inverse @ np.array(hand.centre) * _FINE
    (a, b), (d, e) = inverse * _FINE
    fine = Image.fromarray(digit).resize((_SIDE * _FINE,) * 2, Image.Resampling.BICUBIC)
    large = fine.transform(
        sheet,
        Image.Transform.AFFINE,
        (a, b, offset[0], d, e, offset[1]),
        Image.Resampling.BILINEAR,
    )
    strength = np.asarray(large, np.float32) / 255
    # Ink has sharper edges than an enlarged picture of it.
    return ((strength - 0.35) / 0.3).clip(0, 1)


def penned(digit: NDArray[np.uint8], sheet: tuple[int, int], hand: Hand, width: float) -> Ink:
    """The digit's middle line, drawn by a round pen that is `width` pixels wide."""
    rows, columns = skeleton(digit)
    points = np.stack([columns, rows], 1) - _SIDE / 2
    places = points @ hand.matrix().T + np.array(hand.centre)
    scale = 2 if max(sheet) < 1200 else 1
    drawn = Image.new("L", (sheet[0] * scale, sheet[1] * scale))
    pen = ImageDraw.Draw(drawn)
    radius = max(width, 1) * scale / 2
    near = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) < 1.5 / _FINE
    for one, x, y in zip(range(len(places)), *(places * scale).T, strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        for other in np.flatnonzero(near[one, :one]):
            pen.line((x, y, *(places[other] * scale)), 255, max(1, round(2 * radius)))
    return np.asarray(drawn.reduce(scale), np.float32) / 255


def skeleton(digit: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of the digit's middle line, in its pixels (Zhang and Suen, 1984)."""
    fine = Image.fromarray(digit).resize((_SIDE * _FINE,) * 2, Image.Resampling.BICUBIC)
    inked = np.pad(np.asarray(fine) > 110, 1)
    while True:
        before = inked.sum()
        for second in (False, True):
            inked &= ~_removable(inked, second=second)
        if inked.sum() == before:
            rows, columns = np.nonzero(inked)
            return (rows - 0.5) / _FINE, (columns - 0.5) / _FINE


def _removable(inked: NDArray[np.bool_], *, second: bool) -> NDArray[np.bool_]:
    ring = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
    around = [np.roll(inked, (-row, -column), (0, 1)) for row, column in ring]
    up, right, down, left = around[0], around[2], around[4], around[6]
    count = np.sum(around, 0)
    turns = np.sum([~a & b for a, b in zip(around, around[1:] + around[:1], strict=True)], 0)
    sides = (
        (up & right & left, up & down & left)
        if second
        else (up & right & down, right & down & left)
    )
    removable: NDArray[np.bool_] = (
        inked & (count >= 2) & (count <= 6) & (turns == 1) & ~sides[0] & ~sides[1]
    )
    return removable
