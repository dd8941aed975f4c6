"""Why this digit: how much each place of an image speaks for what was read in it."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_SIDE
from service.models.classifier import Classifier

_PLACES = IMAGE_SIDE * IMAGE_SIDE

# Less is as good as nothing, and has a logarithm.
_TINY = 1e-30

# A place is a square of this many pixels to each side of its middle: a single pixel says little.
_REACH = 1


def saliency(classifier: Classifier, pixels: NDArray[np.uint8], digit: int) -> NDArray[np.float32]:
    """What each place of `pixels` uint8 [28, 28] says to `digit`: float32 [28, 28], -1 to 1.

    Ink is taken away where there is some, and added where there is none, at one place after
    another (occlusion: Zeiler and Fergus, 2014). A place speaks for the digit as much as the odds
    of the digit against the likeliest other fall with that, on a logarithmic scale; the place that
    matters most has 1 or -1. So where nothing is may speak for the digit, too.

    Places beyond the digit's frame have 0: with ink there it would be another frame.
    """
    said = np.zeros(_PLACES, np.float32)
    asked = _within_frame(pixels)
    opposite = np.where(pixels > 127, 0, 255).astype(np.uint8).reshape(_PLACES, 1)
    flat = pixels.reshape(1, _PLACES)
    images = np.concatenate([flat, np.where(_places()[asked], opposite[asked], flat)])
    probabilities = classifier.predict(images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)).probabilities
    odds = _log_odds(probabilities, digit)
    said[asked] = odds[0] - odds[1:]
    said /= max(float(np.abs(said).max()), _TINY)
    return said.reshape(IMAGE_SIDE, IMAGE_SIDE)


def _within_frame(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The places, by their number, in the smallest rectangle around the ink."""
    frame = np.zeros(pixels.shape, np.bool_)
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    if len(rows):
        frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return np.flatnonzero(frame)


def _log_odds(probabilities: NDArray[np.float32], digit: int) -> NDArray[np.float32]:
    """Of the digit against the likeliest other one, for each image [N]."""
    logarithms = np.log(np.maximum(probabilities, _TINY))
    others = np.delete(logarithms, digit, axis=1).max(1)
    odds: NDArray[np.float32] = logarithms[:, digit] - others
    return odds


@cache
def _places() -> NDArray[np.bool_]:
    """Which pixels belong to the place around each pixel: [784, 784]."""
    line = np.arange(IMAGE_SIDE)
    near = np.abs(line[:, None] - line) <= _REACH
    return np.kron(near, near).astype(np.bool_)
