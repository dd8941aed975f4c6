"""Predictions by columns: one row for each image, in the order of the inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS, IMAGE_PIXELS
from service.batch import BRIGHTEST_PAPER
from service.models.classifier import Reading
from service.verdict import BLANK, Reason, Thresholds, Verdict

REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why an image is rejected; `Records.rejected` counts in them."""

_BLANK, _NOT_A_DIGIT, _LOW_CONFIDENCE = map(
    REASONS.index, ("blank", "not_a_digit", "low_confidence")
)
NONE = -1
"""In a column of whole numbers: null."""


@dataclass(frozen=True)
class Records:
    """N predictions."""

    inputs: Sequence[str]
    """Keys of the files [N], or [1] where all are of one file."""
    index: NDArray[np.int64]
    """Which image of its file each is, from 0 [N]; NONE where the file could not be read."""
    digit: NDArray[np.int8]
    """[N]; NONE where the image is rejected."""
    confidence: NDArray[np.float32]
    """[N]; NaN where there is an error."""
    rejected: NDArray[np.int8]
    """[N]: counts in REASONS; NONE where the image is not rejected."""
    probabilities: NDArray[np.float32]
    """[N, 10]; NaN where there is an error."""
    not_a_digit: NDArray[np.float32]
    """[N]; NaN where the model does not say."""
    errors: dict[int, str] = field(default_factory=dict)
    """By row: why there is no prediction."""


def of_array(
    key: str, first: int, pixels: NDArray[np.uint8], reading: Reading, thresholds: Thresholds
) -> Records:
    """What `reading` says of the images uint8 [N, 28, 28] of `key`, from number `first` on.

    It says of each what `service.verdict.judge` says, but of all at once.
    """
    probabilities, not_a_digit = reading
    likeliest = probabilities.argmax(1)
    digit = likeliest.astype(np.int8)
    confidence = probabilities[np.arange(len(digit)), likeliest]
    unlike = np.full(len(digit), np.nan, np.float32) if not_a_digit is None else not_a_digit
    rejected = np.full(len(digit), NONE, np.int8)
    # In float64, as Python compares them; NaN is never more.
    rejected[confidence.astype(np.float64) < thresholds.confidence] = _LOW_CONFIDENCE
    rejected[unlike.astype(np.float64) > thresholds.not_a_digit] = _NOT_A_DIGIT
    blank = pixels.reshape(-1, IMAGE_PIXELS).max(1) <= BRIGHTEST_PAPER
    if blank.any():
        rejected[blank] = _BLANK
        probabilities, unlike = probabilities.copy(), unlike.copy()
        confidence[blank], unlike[blank] = BLANK.confidence, np.nan
        probabilities[blank] = BLANK.probabilities
    digit[rejected != NONE] = NONE
    index = np.arange(first, first + len(digit))
    return Records([key], index, digit, confidence, rejected, probabilities, unlike)


def of_verdicts(keys: Sequence[str], verdicts: Sequence[Verdict | str]) -> Records:
    """What is said of one image in each file of `keys`: a verdict, or why there is none."""
    errors = {row: each for row, each in enumerate(verdicts) if isinstance(each, str)}
    told = [_NO_VERDICT if isinstance(each, str) else each for each in verdicts]
    return Records(
        keys,
        np.zeros(len(told), np.int64),
        np.array([NONE if v.digit is None else v.digit for v in told], np.int8),
        np.array([v.confidence for v in told], np.float32),
        np.array(
            [NONE if v.rejected is None else REASONS.index(v.rejected) for v in told], np.int8
        ),
        np.array([v.probabilities for v in told], np.float32).reshape(-1, DIGITS),
        np.array([np.nan if v.not_a_digit is None else v.not_a_digit for v in told], np.float32),
        errors,
    )


def of_error(key: str, error: str) -> Records:
    """The one record of a file, or a slice of it, that cannot be read."""
    return replace(of_verdicts([key], [error]), index=np.full(1, NONE))


_NO_VERDICT = Verdict(None, np.nan, None, [np.nan] * DIGITS, None, None)
