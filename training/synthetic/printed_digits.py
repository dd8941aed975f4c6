"""Digits as typefaces, displays and hands elsewhere than in MNIST write them."""

import numpy as np

from registry.contract import DIGITS, IMAGE_SIDE
from training.mnist import Digits
from training.synthetic.digit_glyphs import DIGIT_GLYPHS
from training.synthetic.hands import drawn


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
