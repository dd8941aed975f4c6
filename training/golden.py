"""Golden digits: what a model says of a few images, so that a service can see it say so again."""

import base64
import json
import zlib

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS
from training.evaluate import answer
from training.mnist import Digits
from training.synthetic.non_digits import non_digits

TOLERANCE = 1e-4
"""How far an answer may be off: fifty times what adding up in another order makes (`export`)."""

# Of each digit: the first ones, and those of which the model is least sure, as they tell most.
_FIRST, _LEAST_SURE = 2, 1

_NON_DIGIT_KINDS = ("blank", "noise", "letters", "numbers")


def golden_file(onnx_file: bytes, digits: Digits) -> bytes:
    """Some of the `digits`, some non-digits, and the answers of `onnx_file`.

    The format is described at registry.contract.GOLDEN_FILE.
    """
    images = np.concatenate(
        [
            digits.images[_choice(digits, answer(onnx_file, digits.images).probabilities)],
            non_digits(_NON_DIGIT_KINDS, len(_NON_DIGIT_KINDS), 0, digits),
        ]
    )
    answers = answer(onnx_file, images)
    document = {
        "images": base64.b64encode(zlib.compress(images.tobytes(), 9)).decode(),
        "probabilities": _rounded(answers.probabilities),
        "not_a_digit": _rounded(answers.not_a_digit),
        "tolerance": TOLERANCE,
    }
    return json.dumps(document).encode()


def _choice(digits: Digits, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The indices of a few images of each digit, as far as there are any."""
    chosen: list[int] = []
    for digit in range(DIGITS):
        own = np.flatnonzero(digits.labels == digit)
        by_certainty = own[probabilities[own].max(1).argsort(kind="stable")]
        chosen += own[:_FIRST].tolist()
        chosen += [index for index in by_certainty.tolist() if index not in chosen][:_LEAST_SURE]
    return np.array(chosen, np.int64)


def _rounded(values: NDArray[np.float32]) -> list[float]:
    """To seven places, which is finer than the tolerance."""
    rounded: list[float] = values.astype(np.float64).round(7).tolist()
    return rounded
