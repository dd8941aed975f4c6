"""The losses of training.losses, for all members at once and apart from each other."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.losses import LossName

PopulationLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From logits [K, 10, n] and one-hot targets [K, 10, n] to the sum over the n images [K].

Writes ∂(mean loss of the member)/∂logits into the third, [K, 10, n].
"""


def _categorical_cross_entropy(logits: Tensor, target: Tensor, gradient: Tensor) -> Tensor:
    log_probabilities = logits.log_softmax(1)
    torch.exp(log_probabilities, out=gradient)
    gradient.sub_(target).mul_(1 / logits.shape[2])
    return -(log_probabilities * target).sum((1, 2))


def _binary_cross_entropy(logits: Tensor, target: Tensor, gradient: Tensor) -> Tensor:
    _, classes, images = logits.shape
    torch.sigmoid(logits, out=gradient)
    gradient.sub_(target).mul_(1 / (classes * images))
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each.sum((1, 2)) / classes


def _mean_squared_error(logits: Tensor, target: Tensor, gradient: Tensor) -> Tensor:
    _, classes, images = logits.shape
    probabilities = logits.softmax(1)
    error = probabilities - target
    # Through the softmax, as in training.losses.
    by_output = error * (2 / (classes * images))
    inner = (by_output * probabilities).sum(1, keepdim=True)
    torch.mul(probabilities, by_output - inner, out=gradient)
    return error.square().sum((1, 2)) / classes


POPULATION_LOSSES: dict[LossName, PopulationLoss] = {
    "categorical_cross_entropy": _categorical_cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "mean_squared_error": _mean_squared_error,
}
