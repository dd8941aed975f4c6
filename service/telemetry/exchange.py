"""One request and its answer, as far as operators care."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from service.inference import Inference
    from service.telemetry.tracing import Trace

Rows = NDArray[np.float32] | Sequence[list[float]]
"""The probabilities of the digits [N, 10], or N times [10]."""
Numbers = NDArray[np.float32] | Sequence[float]
"""One for each image: [N]."""


class Exchange:
    """Filled in by whoever knows something, while the request is answered.

    The defaults belong to the class, so that making one is cheap.
    """

    trace: "Trace | None" = None
    """Where nobody asks for it, it is not known."""
    span: Any = None
    """OpenTelemetry's, where there is one."""
    route = "unmatched"
    """The rule that matched, such as `/v2/models/<name>/infer`; never the client's own path."""
    status = 500
    seconds = 0.0
    """From the beginning to the answer."""
    sent = 0
    """Bytes of the answer's body."""
    error: str | None = None
    """The kind of error, such as `shape-mismatch`."""
    stages: Sequence[tuple[str, float]] = ()
    """Names and seconds."""
    version: int | None = None
    """What read the images, if anything did."""
    probabilities: Rows = ()
    """Of the images that it read."""
    not_a_digit: Numbers | None = None
    """Of the same images; None where the version does not say."""
    rejected: Sequence[str] = ()
    """Why images got no digit: a reason for each that got none."""

    def __init__(self, method: str, request_id: str) -> None:
        """Begin now."""
        self.method = method
        self.request_id = request_id
        self.started_s = perf_counter()

    def rest_on(self, inference: "Inference") -> None:
        """Take note of what the answer rests on."""
        self.version = inference.classifier.card.version
        self.stages = inference.stages.taken
        verdicts = inference.verdicts
        if verdicts is None:
            self.probabilities, self.not_a_digit = inference.reading
            return
        self.rejected = [verdict.rejected for verdict in verdicts if verdict.rejected is not None]
        read = [verdict for verdict in verdicts if verdict.candidate is not None]
        self.probabilities = [verdict.probabilities for verdict in read]
        doubts = [verdict.not_a_digit for verdict in read if verdict.not_a_digit is not None]
        self.not_a_digit = doubts or None
