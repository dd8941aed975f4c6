import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.calibration import reliability


def answers(
    confidence: list[float], *, right: list[bool]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Probabilities [N, 10] with these maxima, all for digit 0, and labels [N]."""
    probabilities = np.array([[share] + [(1 - share) / 9] * 9 for share in confidence])
    return probabilities, np.where(right, 0, 1).astype(np.uint8)


@given(
    st.lists(st.tuples(st.floats(0.11, 1), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 20),
)
def test_ece_is_that_of_the_definition(images: list[tuple[float, bool]], bins: int) -> None:
    confidence, right = map(list, zip(*images, strict=True))
    edges = np.linspace(0, 1, bins + 1)
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        inside = [(share, hit) for share, hit in images if low < share <= high]
        if inside:
            shares, hits = zip(*inside, strict=True)
            expected += len(inside) / len(images) * abs(np.mean(hits) - np.mean(shares))

    found = reliability(*answers(confidence, right=right), bins=bins)

    assert found.counts.sum() == len(images)
    assert found.ece == pytest.approx(expected, abs=1e-12)


def test_edge_belongs_to_the_bin_below_it() -> None:
    found = reliability(*answers([0.5, np.nextafter(0.5, 1), 1.0], right=[True] * 3), bins=2)

    assert found.counts.tolist() == [1, 2]


def test_empty_bins_count_for_nothing() -> None:
    found = reliability(*answers([0.75] * 4, right=[True, True, True, False]))

    assert found.ece == 0
    assert found.counts.tolist() == [4 if number == 11 else 0 for number in range(15)]
    assert np.flatnonzero(found.confidence).tolist() == [11]


def test_certain_and_wrong_is_the_worst() -> None:
    assert reliability(*answers([1.0, 1.0], right=[False, False])).ece == 1


def test_float32_that_sums_to_more_than_one_is_counted() -> None:
    probabilities = np.zeros((1, 10), np.float32)
    probabilities[0, 3] = np.nextafter(np.float32(1), np.float32(2))

    assert reliability(probabilities, np.array([3], np.uint8)).counts[-1] == 1
