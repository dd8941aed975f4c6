"""The words in which glyphs are written down, and how many hands then draw them.

Glyphs are lines and arcs whose measures vary from hand to hand.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.synthetic.strokes import Pens, Stroke, drawings, slanted

Measure = float | NDArray[np.floating[Any]]
"""The same for all, or [N]: for each hand its own."""

_ARC_POINTS = 9


class Hands:
    """N hands, or typefaces, that draw the same glyph side by side.

    Coordinates are x (to the right) and y (downwards); a glyph is one high, and about half as wide.
    """

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self.count = count
        self._random = random
        # From round to almost rectangular bowls: exponents of a superellipse.
        self._exponent = random.uniform(0.55, 1.05, (count, 1)).astype(np.float32)

    def vary(self, low: float, high: float) -> NDArray[np.float32]:
        """A measure [N] between two."""
        return self._random.uniform(low, high, self.count).astype(np.float32)

    def arc(
        self, x: Measure, y: Measure, width: Measure, height: Measure, start: float, end: float
    ) -> Stroke:
        """Part of an ellipse, or of a rounded rectangle, around (x, y).

        `width` and `height` are half its own; it runs from `start` to `end` in degrees, of which 0
        is to the right, 90 below, 180 to the left and 270 above.
        """
        angles = np.radians(np.linspace(start, end, _ARC_POINTS, dtype=np.float32))
        cosine, sine = (
            np.sign(part) * np.abs(part) ** self._exponent
            for part in (np.cos(angles), np.sin(angles))
        )
        xs = self._column(x) + self._column(width) * cosine
        ys = self._column(y) + self._column(height) * sine
        return np.stack([xs, ys], 2)

    def ring(self, x: Measure, y: Measure, width: Measure, height: Measure) -> Stroke:
        """The whole of such an ellipse."""
        half, other = (self.arc(x, y, width, height, turn, turn + 180) for turn in (0, 180))
        return self.line(half, other)

    def line(self, *parts: Stroke | tuple[Measure, Measure]) -> Stroke:
        """One stroke through points (x, y) and arcs, in their order."""
        return np.concatenate([self._points(part) for part in parts], 1)

    def _points(self, part: Stroke | tuple[Measure, Measure]) -> Stroke:
        if isinstance(part, np.ndarray):
            return part
        x, y = part
        return np.stack([self._column(x), self._column(y)], 2)

    def _column(self, measure: Measure) -> NDArray[np.float32]:
        return np.broadcast_to(np.asarray(measure, np.float32), (self.count,))[:, None]


Glyph = Callable[[Hands], list[Stroke]]


def drawn(glyph: Glyph, count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Images uint8 [count, 28, 28] of one glyph, each by another hand and with another pen."""
    hands = Hands(count, random)
    strokes = glyph(hands)
    stretch = np.stack([hands.vary(0.8, 1.35), np.ones(count, np.float32)], 1)
    # Most type stands upright, and little leans to the left.
    slant = np.maximum(hands.vary(-0.35, 0.36), 0) + hands.vary(-0.06, 0.06)
    pens = Pens(
        radius=hands.vary(0.4, 2.4),
        softness=hands.vary(1.0, 2.0),
        contrast=np.maximum(hands.vary(-0.6, 0.75), 0),
        is_square=hands.vary(0, 1) < 0.5,
    )
    return drawings(slanted([stroke * stretch[:, None] for stroke in strokes], slant), pens)
