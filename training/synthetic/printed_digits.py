"""Digits as typefaces, displays and hands elsewhere than in MNIST write them."""

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS, IMAGE_SIDE
from training.mnist import Digits
from training.synthetic.digit_glyphs import DIGIT_GLYPHS
from training.synthetic.hands import Glyph, Hands
from training.synthetic.strokes import Pens, drawings, slanted


def printed_digits(count: int, seed: int) -> Digits:
    """`count` digits, evenly of all ten in a random order; the same for the same seed."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % DIGITS).astype(np.uint8)
    images = np.empty((count, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for digit, glyphs in enumerate(DIGIT_GLYPHS):
        places = random.permutation(np.flatnonzero(labels == digit))
        for glyph, some in zip(glyphs, np.array_split(places, len(glyphs)), strict=True):
            images[some] = drawn(glyph, len(some), random)
    return Digits(images, labels)


def drawn(glyph: Glyph, count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Images uint8 [count, 28, 28] of one glyph, each by another hand and with another pen."""
    round_ended = count // 2
    return np.concatenate(
        [
            _drawn(glyph, round_ended, random, square_ends=False),
            _drawn(glyph, count - round_ended, random, square_ends=True),
        ]
    )


def _drawn(
    glyph: Glyph, count: int, random: np.random.Generator, *, square_ends: bool
) -> NDArray[np.uint8]:
    hands = Hands(count, random)
    strokes = glyph(hands)
    stretch = np.stack([hands.vary(0.8, 1.35), np.ones(count, np.float32)], 1)
    # Most type stands upright, and little leans to the left.
    slant = np.maximum(hands.vary(-0.35, 0.36), 0) + hands.vary(-0.06, 0.06)
    pens = Pens(
        radius=hands.vary(0.4, 2.4),
        softness=hands.vary(1.0, 2.0),
        contrast=np.maximum(hands.vary(-0.6, 0.75), 0),
    )
    strokes = slanted([stroke * stretch[:, None] for stroke in strokes], slant)
    return drawings(strokes, pens, square_ends=square_ends)
