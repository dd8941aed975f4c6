"""The images of one request, and the verdict on each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.classifier import Reading
from service.verdict import BLANK, Thresholds, Verdict, judge

# Of 255. An image with less contrast than this has no ink on it.
_MIN_CONTRAST = 24


class Batch(NamedTuple):
    """What a request asks about, as the model reads it."""

    pixels: NDArray[np.uint8]
    """[M, 28, 28], white ink on black: the candidates of all images, one after the other."""
    candidates: list[int] | None = None
    """How many each image has: more than one where ink and paper are hard to tell apart, none where
    it is blank. Where this is None, each has one."""
    several: list[bool] | None = None
    """Whether there is more than one digit in each image; None where that was not looked for."""

    def verdicts(self, reading: Reading, thresholds: Thresholds) -> list[Verdict]:
        """What the `reading` of `pixels` comes to, for each image."""
        if self.candidates is None:
            return [
                judge(_part(reading, index, 1), thresholds) if has_ink else BLANK
                for index, has_ink in enumerate(_have_ink(self.pixels).tolist())
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
    has_ink = _have_ink(batch.pixels)
    return batch.pixels[has_ink], has_ink.astype(int).tolist()


def _have_ink(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    contrast: NDArray[np.uint8] = np.ptp(pixels.reshape(len(pixels), -1), axis=1)
    return contrast >= _MIN_CONTRAST


def _part(reading: Reading, start: int, count: int) -> Reading:
    probabilities, not_a_digit = reading
    own = slice(start, start + count)
    return Reading(probabilities[own], None if not_a_digit is None else not_a_digit[own])
