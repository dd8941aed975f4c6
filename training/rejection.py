"""How well scores tell digits from what is none."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auroc(positive_scores: ArrayLike, negative_scores: ArrayLike) -> float:
    """Area under the receiver operating characteristic, exactly, of two lists of scores.

    It is the probability that a positive chosen at random scores higher than a negative, where a
    tie counts half (Mann and Whitney, 1947): 1 is perfect, 0.5 is chance. Raises ValueError where
    one of the lists is empty, or a score is no number.
    """
    positive, negative = _scores("positive", positive_scores), _scores("negative", negative_scores)
    negative.sort()
    lower = np.searchsorted(negative, positive, side="left").sum()
    lower_or_tied = np.searchsorted(negative, positive, side="right").sum()
    return float(lower + lower_or_tied) / 2 / (len(positive) * len(negative))


def auroc_by_kind(
    digit_scores: ArrayLike, scores_by_kind: Mapping[str, ArrayLike]
) -> dict[str, float]:
    """The area for each kind of non-digits, against the same digits.

    A score says how sure it is that an image is no digit.
    """
    return {kind: auroc(scores, digit_scores) for kind, scores in scores_by_kind.items()}


def _scores(name: str, values: ArrayLike) -> NDArray[np.float64]:
    scores = np.array(values, np.float64)
    if scores.ndim != 1 or len(scores) == 0 or np.isnan(scores).any():
        raise ValueError(
            f"the {name} scores, of shape {scores.shape}, must be at least one, and all be numbers"
        )
    return scores
