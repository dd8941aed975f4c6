"""Figures and printed signs: each function draws images uint8 [count, 28, 28] in MNIST's frame.

Rings, bars and empty boxes are no figures here, and no signs: they are a 0 or a 1.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.synthetic.framing import centred, fitted
from training.synthetic.letter_glyphs import CLEAR_LETTERS

_CANVAS_SIDE = 112

# What Pillow's typeface has, without what resembles a digit: ! | / \ ( ) [ ] { } $ & and the like.
_SYMBOLS = '#%*+<=>?@^~©±«»™“…:;"'

_ANGLES = np.radians(np.arange(0, 360, 36))
_SIZES = np.tile((1, 0.42), 5)
_FIGURES = {
    "arrow": ((-1, 0.1), (0.3, 0.1), (0.3, 0.5), (1, 0), (0.3, -0.5), (0.3, -0.1), (-1, -0.1)),
    "cross": (
        *((-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3)),
        *((0.3, 1), (-0.3, 1), (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3)),
    ),
    "crown": ((-1, 0.8), (-1, -0.6), (-0.5, 0), (0, -0.9), (0.5, 0), (1, -0.6), (1, 0.8)),
    "fir": (
        *((0, -1), (0.6, -0.2), (0.2, -0.2), (0.8, 0.6), (0.15, 0.6), (0.15, 1)),
        *((-0.15, 1), (-0.15, 0.6), (-0.8, 0.6), (-0.2, -0.2), (-0.6, -0.2)),
    ),
    "heart": (
        *((0, 1), (-0.9, 0), (-1, -0.5), (-0.6, -0.9), (-0.2, -0.8), (0, -0.45)),
        *((0.2, -0.8), (0.6, -0.9), (1, -0.5), (0.9, 0)),
    ),
    "star": tuple(zip(np.sin(_ANGLES) * _SIZES, -np.cos(_ANGLES) * _SIZES, strict=True)),
    "triangle": ((0, -1), (0.9, 0.6), (-0.9, 0.6)),
}


def figures(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Arrows, stars, hearts and other figures, turned any way, as outlines or filled."""
    outlines = [np.array(points, np.float64) for points in _FIGURES.values()]
    chosen = random.integers(0, len(outlines), count)
    return centred(np.stack([_figure(outlines[index], random) for index in chosen]))


def symbols(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Punctuation and mathematical signs, printed."""
    return _printed([_SYMBOLS[index] for index in random.integers(0, len(_SYMBOLS), count)], random)


def typed_letters(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Letters, printed."""
    indices = random.integers(0, len(CLEAR_LETTERS), count)
    return _printed([CLEAR_LETTERS[index] for index in indices], random)


def words(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Two to four letters next to one another, printed."""
    letters = np.array(list(CLEAR_LETTERS))
    return _printed(
        ["".join(random.choice(letters, random.integers(2, 5))) for _ in range(count)], random
    )


def _figure(outline: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float32]:
    angle = random.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = outline * random.uniform(0.6, 1, 2)
    points = [tuple(point) for point in (shape @ rotation + 1.2) * (_CANVAS_SIDE / 2.4)]
    canvas = Image.new("L", (_CANVAS_SIDE, _CANVAS_SIDE))
    pen = ImageDraw.Draw(canvas)
    if random.random() < 0.5:
        pen.polygon(points, fill=255)
    else:
        pen.line([*points, points[0], points[1]], 255, int(random.integers(4, 14)), joint="curve")
    return fitted(np.asarray(canvas, np.float32))


def _printed(texts: Sequence[str], random: np.random.Generator) -> NDArray[np.uint8]:
    return centred(np.stack([_text(text, random) for text in texts]))


def _text(text: str, random: np.random.Generator) -> NDArray[np.float32]:
    """The box with `text`, light or bold, and a little turned."""
    font, weight = _font(), int(random.integers(0, 3))
    left, top, right, bottom = font.getbbox(text, stroke_width=weight)
    canvas = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, 255, font, stroke_width=weight)
    turned = canvas.rotate(random.uniform(-12, 12), Image.Resampling.BILINEAR, expand=True)
    return fitted(np.asarray(turned, np.float32))


@cache
def _font() -> ImageFont.FreeTypeFont:
    """The one that is a part of Pillow."""
    font = ImageFont.load_default(40)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow is built without FreeType, and cannot draw text")
    return font
