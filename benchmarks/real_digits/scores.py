"""Read examples as the service does, and count how that went."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_digits.kinds import Example
from service.models.classifier import Classifier
from service.verdict import BLANK, Thresholds, Verdict, judge
from service.vision import find_digits, prepare

MAX_PIXELS = 25_000_000

_UNREAD = {"blank", "multiple_digits"}


@dataclass(frozen=True)
class Outcome:
    """What the service makes of the examples of one kind."""

    verdicts: list[Verdict]
    answers: list[str]
    cpu_ms: float
    """To read one, from its bytes to the verdict."""

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether the likeliest digit is the right one, named or not; what is not read is wrong."""
        return np.array(
            [
                verdict.rejected not in _UNREAD and str(*verdict.top(1)) == answer
                for verdict, answer in zip(self.verdicts, self.answers, strict=True)
            ]
        )

    @property
    def is_rejected(self) -> NDArray[np.bool_]:
        """Whether no digit is named."""
        return np.array([verdict.rejected is not None for verdict in self.verdicts])

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """[N, 10]."""
        return np.array([verdict.probabilities for verdict in self.verdicts], np.float32)

    @property
    def not_a_digit(self) -> NDArray[np.float64]:
        """How sure it is that the image is no digit; what is not read is surely none."""
        return np.array(
            [
                1.0 if verdict.rejected in _UNREAD else verdict.not_a_digit
                for verdict in self.verdicts
            ],
            np.float64,
        )

    @property
    def reasons(self) -> str:
        """How many were rejected for which reason."""
        counts = Counter(verdict.rejected for verdict in self.verdicts if verdict.rejected)
        return ", ".join(f"{reason} {count}" for reason, count in counts.most_common())


def read(classifier: Classifier, examples: Sequence[Example], thresholds: Thresholds) -> Outcome:
    """Read the digit in each example."""
    start = process_time()
    verdicts = [_verdict(classifier, example.content, thresholds) for example in examples]
    cpu_ms = 1000 * (process_time() - start) / len(examples)
    return Outcome(verdicts, [example.answer for example in examples], cpu_ms)


def _verdict(classifier: Classifier, content: bytes, thresholds: Thresholds) -> Verdict:
    prepared = prepare(content, max_pixels=MAX_PIXELS)
    if len(prepared.candidates) == 0:
        return BLANK
    reading = classifier.predict(prepared.candidates)
    return judge(reading, thresholds, several=prepared.several)


def read_number(classifier: Classifier, content: bytes) -> str:
    """The likeliest digits of an image, one after the other."""
    page = find_digits(content, max_pixels=MAX_PIXELS)
    verdicts = [judge(classifier.predict(found.candidates), Thresholds()) for found in page.digits]
    return "".join(str(*verdict.top(1)) for verdict in verdicts)
