"""What is known of an epoch once it is over."""

from dataclasses import dataclass
from typing import NamedTuple

from pydantic import TypeAdapter


class Score(NamedTuple):
    """Mean loss and accuracy over a set of images."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set.

    `training` is taken while the network changes, `validation` after the epoch; it is None without
    validation images. `gradient_sizes` holds the root mean square of the gradient of each layer's
    weights after the epoch.
    """

    number: int
    training: Score
    validation: Score | None
    gradient_sizes: tuple[float, ...]
    seconds: float


HISTORY = TypeAdapter(list[Epoch])
"""Writes the epochs of a training as JSON, and reads them back exactly."""
