"""One request and its answer, as far as operators care."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from service.inference import Inference

ROUTE_UNKNOWN = "unmatched"


class Exchange:
    """Filled in by whoever knows something, while the request is answered.

    The defaults belong to the class, so that making one is cheap.
    """

    route = ROUTE_UNKNOWN
    """The rule that matched, such as `/v2/models/<name>/infer`; never the client's own path."""
    status = 500
    seconds = 0.0
    """From the beginning to the answer."""
    received = 0
    """Bytes of the request's body."""
    sent = 0
    """Bytes of the answer's body."""
    error: str | None = None
    """The kind of error, such as `shape-mismatch`."""
    stages: Sequence[tuple[str, float]] = ()
    """Names and seconds."""
    version: int | None = None
    """What read the images, if anything did."""
    probabilities: NDArray[np.float32] | Sequence[NDArray[np.float32]] = ()
    """Of the digits [N, 10], of what was read."""
    not_a_digit: NDArray[np.float32] | Sequence[float] | None = None
    """[N]; None where the version does not say."""
    rejected: Sequence[str] = ()
    """Why images got no digit, a reason for each of them."""

    def __init__(self, method: str) -> None:
        """Begin now."""
        self.method = method
        self.started_s = perf_counter()

    def rest_on(self, inference: "Inference") -> None:
        """The answer rests on this."""
        self.version = inference.classifier.card.version
        self.stages = inference.stages.taken
        self.probabilities, self.not_a_digit = inference.reading
