"""What a report is about: everything that training knows when it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import FiniteFloat

from registry.card import Lineage, StoredFile
from training.epoch import Epoch
from training.mnist import Digits
from training.recipe import Recipe


class VersionFile(StoredFile):
    """One file that will be published, and its accuracy on the test set if it is a model."""

    name: str
    accuracy: FiniteFloat | None = None


@dataclass(frozen=True)
class Subject:
    """One trained network, scored on the test set."""

    model: str
    recipe: Recipe
    lineage: Lineage
    history: Sequence[Epoch]
    """At least one epoch."""
    training_images: int
    """Images trained on in each epoch: drawn ones count, those for validation do not."""
    parameters: int
    device: str
    cpu_seconds: float
    """Processor time of the training; its wall time is in the history."""
    test: Digits
    probabilities: NDArray[np.floating[Any]]
    """[N, 10], what `model.onnx` answers for the N images of the test set."""
    first_layer: NDArray[np.float32]
    """Weights [units, 784] of the first layer."""
    files: Sequence[VersionFile]
    """The files of the version, `model.onnx` among them."""
    metrics: Mapping[str, float]
    """As they will stand in the card."""
    not_a_digit: Mapping[str, float] = field(default_factory=dict)
    """For each kind of image that is no digit, the AUROC with which it is told from digits."""
