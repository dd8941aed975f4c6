"""The images of one request, and the verdict on each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.models.classifier import Reading
from service.verdict import BLANK, Thresholds, Verdict, judge

BRIGHTEST_PAPER = 23
"""Pixels that are no brighter than this hold no ink."""

_PAPER = bytes(range(BRIGHTEST_PAPER + 1))


class Batch(NamedTuple):
    """What a request asks about, as the model reads it."""

    pixels: NDArray[np.uint8]
    """[M, 28, 28], white ink on black: the candidates of all images, one after the other."""
    candidates: list[int] | None = None
    """How many each image has: more than one where ink and paper are hard to tell apart, none where
    it is blank. Where this is None, each has one."""
    several: list[bool] | None = None
    """Whether there is more than one digit in each image; None where that was not looked for."""

    @property
    def images(self) -> int:
        """How many the request asks about."""
        return len(self.pixels) if self.candidates is None else len(self.candidates)

    def verdicts(self, reading: Reading, thresholds: Thresholds) -> list[Verdict]:
        """What the `reading` of `pixels` comes to, for each image."""
        if self.candidates is None:
            if len(self.pixels) == 1:
                return [BLANK if _is_blank(self.pixels) else judge(reading, thresholds)]
            return [
                BLANK if _is_blank(image) else judge(_part(reading, index, 1), thresholds)
                for index, image in enumerate(self.pixels)
            ]
        ends = np.cumsum(self.candidates).tolist()
        several = self.several or [False] * len(ends)
        return [
            judge(_part(reading, end - count, count), thresholds, several=is_several)
            for end, count, is_several in zip(ends, self.candidates, several, strict=True)
        ]


def joined(batches: list[Batch]) -> Batch:
    """One batch of all."""
    if len(batches) == 1:
        return batches[0]
    pixels: list[NDArray[np.uint8]] = []
    counts: list[int] = []
    several: list[bool] = []
    for batch in batches:
        own, own_counts = _counted(batch)
        pixels.append(own)
        counts += own_counts
        several += batch.several or [False] * len(own_counts)
    return Batch(np.concatenate(pixels), counts, several)


def _counted(batch: Batch) -> tuple[NDArray[np.uint8], list[int]]:
    """The candidates of a batch, and how many each of its images has."""
    if batch.candidates is not None:
        return batch.pixels, batch.candidates
    counts = [0 if _is_blank(image) else 1 for image in batch.pixels]
    return batch.pixels[np.array(counts, np.bool_)], counts


def _is_blank(image: NDArray[np.uint8]) -> bool:
    """Whether no pixel is brighter than paper; bytes are looked through faster than an array."""
    return not image.tobytes().translate(None, _PAPER)


def _part(reading: Reading, start: int, count: int) -> Reading:
    probabilities, not_a_digit = reading
    own = slice(start, start + count)
    return Reading(probabilities[own], None if not_a_digit is None else not_a_digit[own])
