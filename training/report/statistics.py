"""What can be counted in a model's answers."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS

_Z_95 = 1.959963984540054  # 97.5 % of a standard normal distribution lie below.


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def wilson(successes: float, trials: int) -> Interval:
    """The 95 % score interval of a proportion (Wilson, 1927)."""
    share, z2 = successes / trials, _Z_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    margin = _Z_95 * spread / (1 + z2 / trials)
    return Interval(max(0.0, centre - margin), min(1.0, centre + margin))


def cross_entropy(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.uint8]) -> float:
    """Mean −ln of the label's probability, in nats; one that underflowed to 0 still counts."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean())


def confusion(read: NDArray[np.int64], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """[t, r] counts the images of digit t that were read as r."""
    counts = np.zeros((DIGITS, DIGITS), np.int64)
    np.add.at(counts, (labels, read), 1)
    return counts


def ratio(part: float, whole: float) -> float | None:
    """Their quotient, or None of nothing."""
    return float(part / whole) if whole else None
