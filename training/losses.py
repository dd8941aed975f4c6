"""Loss functions: what training makes small.

Entropy and cross-entropy of distributions come first, as the textbook defines them; the three
losses follow, each on the network's logits, so that no logarithm of a probability that has
underflowed to zero is ever taken. With ŷ the network's output and y the target, per image:

    categorical cross-entropy   −Σᵢ yᵢ ln ŷᵢ                            ŷ = softmax(z)
    binary cross-entropy        −(1/10) Σᵢ yᵢ ln ŷᵢ + (1 − yᵢ) ln(1 − ŷᵢ)   ŷ = sigmoid(z)
    mean squared error          (1/10) Σᵢ (ŷᵢ − yᵢ)²                    ŷ = softmax(z)

The loss of a minibatch is the mean over its images. What a model answers are probabilities that
sum to one: ŷ where it is a softmax, and ŷ divided by its sum where it is ten sigmoids.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LossName = Literal["categorical_cross_entropy", "binary_cross_entropy", "mean_squared_error"]


def entropy(p: Tensor) -> Tensor:
    """H(p) = −Σ pᵢ ln pᵢ in nats, over the last axis; 0 ln 0 is 0 (Shannon, 1948)."""
    return -torch.xlogy(p, p).sum(-1)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """H(p, q) = −Σ pᵢ ln qᵢ in nats, over the last axis.

    At least H(p), and equal to it where q = p; infinite where q rules out what p has.
    """
    return -torch.xlogy(p, q).sum(-1)


def penalty(y: Literal[0, 1], prediction: Tensor) -> Tensor:
    """Binary cross-entropy of a prediction ŷ in [0, 1]: −ln ŷ where y is 1, −ln(1 − ŷ) where 0."""
    return -torch.log(prediction if y == 1 else 1 - prediction)


@dataclass(frozen=True)
class Loss:
    """A loss on logits, one column an image.

    `total(logits, target)` takes logits [10, n] and one-hot targets [10, n] and returns the *sum*
    of the losses of the n images as a scalar; `differentiate(logits, target, gradient)` writes
    ∂(mean loss)/∂logits into `gradient` [10, n]. A step needs only the latter. `log_probabilities`
    turns logits [N, 10] into logarithms of probabilities, up to a constant for each image: their
    softmax is what the model answers.

    Columns rather than rows, because PyTorch computes a softmax over the first axis of [10, 128]
    in a tenth of the time of one over the last axis of [128, 10].
    """

    total: Callable[[Tensor, Tensor], Tensor]
    differentiate: Callable[[Tensor, Tensor, Tensor], object]
    log_probabilities: Callable[[Tensor], Tensor]


def _logits_themselves(logits: Tensor) -> Tensor:
    return logits


def _categorical_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return -torch.dot(logits.log_softmax(0).flatten(), target.flatten())


def _differentiate_categorical(logits: Tensor, target: Tensor, gradient: Tensor) -> None:
    torch.softmax(logits, 0, out=gradient)
    gradient.sub_(target).mul_(1 / logits.shape[1])


def _binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    total = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    return total / len(logits)


def _differentiate_binary(logits: Tensor, target: Tensor, gradient: Tensor) -> None:
    torch.sigmoid(logits, out=gradient)
    gradient.sub_(target).mul_(1 / logits.numel())


def _mean_squared_error(logits: Tensor, target: Tensor) -> Tensor:
    return (logits.softmax(0) - target).square().sum() / len(logits)


def _differentiate_squared(logits: Tensor, target: Tensor, gradient: Tensor) -> None:
    probabilities = logits.softmax(0)
    # Through the softmax: ∂L/∂zᵢ = ŷᵢ (gᵢ − Σⱼ gⱼ ŷⱼ), with g = ∂L/∂ŷ.
    by_output = (probabilities - target) * (2 / logits.numel())
    inner = (by_output * probabilities).sum(0)
    torch.mul(probabilities, by_output - inner, out=gradient)


LOSSES: dict[LossName, Loss] = {
    "categorical_cross_entropy": Loss(
        _categorical_cross_entropy, _differentiate_categorical, _logits_themselves
    ),
    "binary_cross_entropy": Loss(
        _binary_cross_entropy, _differentiate_binary, functional.logsigmoid
    ),
    "mean_squared_error": Loss(_mean_squared_error, _differentiate_squared, _logits_themselves),
}


def not_a_digit(logits: Tensor, level: float) -> Tensor:
    """How unlike a digit an image is, from 0 to 1 [N], of its logits [N, 10].

    The share that one more class would get whose logit is always `level`: with the other ten it is
    a softmax over eleven, and above 0.5 where the logits are low as a whole. The logarithm of the
    sum of exponentials is the negative free energy of Liu, Wang, Owens and Li (2020), which tells
    images of the trained kind from others.
    """
    return torch.sigmoid(level - logits.logsumexp(1))
