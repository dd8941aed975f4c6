"""One inference request: which model, what it said, and how long each stage took."""

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from flask import current_app
from numpy.typing import NDArray

from registry.contract import DIGITS
from service.models.classifier import Reading
from service.verdict import Verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.batch import Batch
    from service.models.classifier import Classifier
    from service.models.served import Models


class Stages:
    """How long each stage of a request took: decode, prepare, infer."""

    __slots__ = ("_began", "taken")

    def __init__(self) -> None:
        """The first stage begins now."""
        self._began = perf_counter()
        self.taken: list[tuple[str, float]] = []
        """Name and seconds of each stage, in their order."""

    def end(self, name: str) -> None:
        """The stage `name` ends, and the next begins."""
        now = perf_counter()
        self.taken.append((name, now - self._began))
        self._began = now

    def header(self) -> tuple[str, str]:
        """The header Server-Timing (W3C), in milliseconds."""
        return "Server-Timing", ", ".join(
            [f"{name};dur={seconds * 1000:.3f}" for name, seconds in self.taken]
        )


_NOTHING = Reading(np.zeros((0, DIGITS), np.float32), np.zeros(0, np.float32))


@dataclass(slots=True)
class Inference:
    """What a model said of N images."""

    classifier: "Classifier"
    reading: Reading
    stages: Stages
    verdicts: list[Verdict] | None = None
    """On each image; None where the protocol passes on what the model says."""


def infer(
    pixels: NDArray[np.uint8],
    stages: Stages,
    environ: "WSGIEnvironment",
    *,
    version: int | None = None,
) -> Inference:
    """Ask the model, or a pinned `version` of it, about images uint8 [N, 28, 28].

    Raises ModelNotFoundError and ModelUnavailableError.
    """
    models: Models = current_app.extensions["models"]
    classifier = models.choose(version, environ.get("HTTP_X_ROUTING_KEY"))
    reading = classifier.predict(pixels) if len(pixels) else _NOTHING
    stages.end("infer")
    return Inference(classifier, reading, stages)


def infer_batch(
    batch: "Batch", stages: Stages, environ: "WSGIEnvironment", *, version: int | None = None
) -> tuple[Inference, list[Verdict]]:
    """As `infer`, with the verdict on each image of `batch`."""
    inference = infer(batch.pixels, stages, environ, version=version)
    thresholds = current_app.extensions["thresholds"]
    verdicts = inference.verdicts = batch.verdicts(inference.reading, thresholds)
    return inference, verdicts
