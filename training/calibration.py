"""Whether a model's confidence is the share of images that it reads rightly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reliability:
    """Images sorted by the model's confidence, that is its largest probability, into equal bins.

    Bin b of B holds those with b/B < confidence ≤ (b + 1)/B. `counts` int64 [B] are the images in
    each; `confidence` and `accuracy` float64 [B] are means over them, 0 where there are none.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean of |accuracy − confidence|, bins weighted by counts.

        (Naeini, Cooper and Hauskrecht, 2015; Guo et al., 2017.)
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / self.counts.sum())


def reliability(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.uint8], *, bins: int = 15
) -> Reliability:
    """Compare probabilities [N, 10] with labels uint8 [N]; N is at least 1."""
    confidence = probabilities.max(1).astype(np.float64)
    correct = probabilities.argmax(1) == labels
    inner_edges = np.linspace(0, 1, bins + 1)[1:-1]
    index = np.digitize(confidence, inner_edges, right=True)
    counts = np.bincount(index, minlength=bins)
    divisor = np.maximum(counts, 1)
    return Reliability(
        counts,
        confidence=np.bincount(index, confidence, bins) / divisor,
        accuracy=np.bincount(index, correct, bins) / divisor,
    )
