import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rejection import auroc, auroc_by_kind

# Few values, so that there are ties.
SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 3.0, math.inf]), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_area_is_the_share_of_pairs_in_their_order(
    positive: list[float], negative: list[float]
) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]

    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))


@given(SCORES, SCORES)
def test_exchanged_scores_give_the_complement(positive: list[float], negative: list[float]) -> None:
    assert auroc(positive, negative) + auroc(negative, positive) == pytest.approx(1)


def test_area_of_millions_of_pairs_is_exact() -> None:
    scores = np.arange(5000)

    assert auroc(scores + 5000, scores) == 1
    assert auroc(scores, scores) == 0.5
    assert auroc(scores[:1] - 1, scores) == 0


def test_scores_given_are_not_reordered() -> None:
    scores = np.array([3.0, 1.0, 2.0])

    auroc(scores, scores)

    assert scores.tolist() == [3, 1, 2]


@pytest.mark.parametrize("scores", [[], [math.nan], [[1.0]]])
def test_scores_that_cannot_be_ranked_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="negative scores"):
        auroc([1.0], scores)


def test_each_kind_is_held_against_the_same_digits() -> None:
    areas = auroc_by_kind([0.1, 0.2], {"noise": [0.9, 0.8], "letters": [0.15], "ones": [0.0]})

    assert areas == {"noise": 1, "letters": 0.5, "ones": 0}
