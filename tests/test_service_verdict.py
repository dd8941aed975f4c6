import numpy as np
import pytest

from service.models.classifier import Reading
from service.verdict import BLANK, Reason, Thresholds, judge


def reading(*rows: dict[int, float], not_a_digit: list[float] | None = None) -> Reading:
    """Probabilities of the digits that are named; the rest is shared by the others."""
    probabilities = np.zeros((len(rows), 10), np.float32)
    for row, given in zip(probabilities, rows, strict=True):
        row[:] = (1 - sum(given.values())) / (10 - len(given))
        row[list(given)] = list(given.values())
    doubts = [0.0] * len(rows) if not_a_digit is None else not_a_digit
    return Reading(probabilities, np.array(doubts, np.float32))


def test_likeliest_digit_is_named() -> None:
    verdict = judge(reading({7: 0.9, 1: 0.05}), Thresholds())

    assert (verdict.digit, verdict.rejected, verdict.candidate) == (7, None, 0)
    assert verdict.confidence == pytest.approx(0.9)
    assert verdict.top(2) == [7, 1]


@pytest.mark.parametrize(
    ("confidence", "not_a_digit", "several", "reason"),
    [
        (0.9, 0.1, False, None),
        (0.4, 0.1, False, "low_confidence"),
        (0.9, 0.6, False, "not_a_digit"),
        (0.4, 0.6, False, "not_a_digit"),
        (0.9, 0.1, True, "multiple_digits"),
        (0.4, 0.6, True, "multiple_digits"),
    ],
)
def test_image_is_rejected_with_a_reason(
    confidence: float, not_a_digit: float, several: bool, reason: Reason | None
) -> None:
    verdict = judge(
        reading({3: confidence}, not_a_digit=[not_a_digit]),
        Thresholds(not_a_digit=0.5, confidence=0.5),
        several=several,
    )

    assert verdict.rejected == reason
    assert verdict.digit == (3 if reason is None else None)
    # Who wants to know what it would have been still can.
    assert verdict.top(1) == [3]


def test_thresholds_can_be_switched_off() -> None:
    verdict = judge(reading({3: 0.2}, not_a_digit=[1.0]), Thresholds(not_a_digit=1, confidence=0))

    assert verdict.digit == 3


def test_candidate_that_is_most_surely_a_digit_is_taken() -> None:
    verdict = judge(
        reading({1: 0.99}, {8: 0.8}, {2: 0.5}, not_a_digit=[0.9, 0.1, 0.0]), Thresholds()
    )

    assert (verdict.digit, verdict.candidate) == (8, 1)


def test_model_that_does_not_tell_digits_from_others_is_trusted() -> None:
    probabilities, _ = reading({1: 0.6}, {8: 0.8})

    verdict = judge(Reading(probabilities, None), Thresholds())

    assert (verdict.digit, verdict.not_a_digit) == (8, None)


def test_image_without_candidates_is_blank() -> None:
    verdict = judge(reading(), Thresholds())

    assert verdict is BLANK
    assert (verdict.digit, verdict.rejected, verdict.candidate) == (None, "blank", None)
    assert sum(verdict.probabilities) == pytest.approx(1)
