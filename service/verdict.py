"""What a reading comes to: a digit, or the reason why none is named."""

from typing import Literal, NamedTuple

from registry.contract import DIGITS
from service.models.classifier import Reading

Reason = Literal["blank", "multiple_digits", "not_a_digit", "low_confidence"]


class Thresholds(NamedTuple):
    """Where the service would rather not name a digit."""

    not_a_digit: float = 0.5
    """An image that is more likely than this no digit is rejected."""
    confidence: float = 0.5
    """So is one whose likeliest digit is less likely than this."""


class Verdict(NamedTuple):
    """The answer about one image."""

    digit: int | None
    """None where the image is rejected."""
    confidence: float
    """How probable the likeliest digit is, given that the image is one."""
    rejected: Reason | None
    probabilities: list[float]
    """Of each digit [10]; all the same where there is nothing to read."""
    not_a_digit: float | None
    """None where the model does not say."""
    candidate: int | None
    """Which of the candidates was read; None where there was none."""

    def top(self, count: int) -> list[int]:
        """The `count` likeliest digits, the likeliest first."""
        return sorted(range(DIGITS), key=self.probabilities.__getitem__, reverse=True)[:count]


BLANK = Verdict(None, 0.0, "blank", [1 / DIGITS] * DIGITS, None, None)


def judge(reading: Reading, thresholds: Thresholds, *, several: bool = False) -> Verdict:
    """What the `reading` of an image's candidates, of which there may be none, comes to.

    Where there is more than one candidate (ink and paper may be hard to tell), the one that
    is most surely a digit is taken. `several` says that there is more than one digit in the image.
    """
    candidate = _likeliest(reading)
    if candidate is None:
        return BLANK
    # As a list: of so few numbers, Python finds the largest before numpy is called.
    probabilities = reading.probabilities[candidate].tolist()
    confidence = max(probabilities)
    not_a_digit = None if reading.not_a_digit is None else reading.not_a_digit[candidate].item()
    rejected = _reason(confidence, not_a_digit, thresholds, several=several)
    digit = probabilities.index(confidence) if rejected is None else None
    return Verdict(digit, confidence, rejected, probabilities, not_a_digit, candidate)


def _likeliest(reading: Reading) -> int | None:
    if len(reading.probabilities) < 2:
        return 0 if len(reading.probabilities) else None
    sureness = reading.probabilities.max(1)
    if reading.not_a_digit is not None:
        sureness = sureness * (1 - reading.not_a_digit)
    return int(sureness.argmax())


def _reason(
    confidence: float, not_a_digit: float | None, thresholds: Thresholds, *, several: bool
) -> Reason | None:
    if several:
        return "multiple_digits"
    if not_a_digit is not None and not_a_digit > thresholds.not_a_digit:
        return "not_a_digit"
    return "low_confidence" if confidence < thresholds.confidence else None
