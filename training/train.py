"""The training loop."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from training import diagnosis
from training.augmentation import AUGMENTATIONS, augment
from training.average import Average
from training.backpropagation import Backpropagation
from training.early_stopping import EarlyStopping
from training.losses import LOSSES
from training.mnist import Digits
from training.network import Network
from training.optimizers import OPTIMIZERS, Optimizer
from training.recipe import Recipe
from training.schedules import learning_rate_factor

# Images on whose gradient the layers are diagnosed after each epoch.
_DIAGNOSED_IMAGES = 256

# So few that they stay in the cache.
_SCORED_AT_ONCE = 500


class TrainingError(Exception):
    """The training cannot go on; the text says why and what to try."""


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


def pick_device(name: str) -> torch.device:
    """The device that `name` ("auto", "cpu" or "cuda") stands for; raises TrainingError."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise TrainingError("--device is 'cuda', but PyTorch finds no GPU here: use cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def split(digits: Digits, validation_size: int) -> tuple[Digits, Digits]:
    """The training images, and the last `validation_size` of them apart; raises TrainingError."""
    count = len(digits) - validation_size
    if count < 1:
        raise TrainingError(
            f"--validation-size is {validation_size}, but there are only {len(digits)} images"
        )
    return (
        Digits(digits.images[:count], digits.labels[:count]),
        Digits(digits.images[count:], digits.labels[count:]),
    )


def train(network: Network, digits: Digits, recipe: Recipe) -> Iterator[Epoch]:
    """Train `network` in place, and yield after each epoch.

    Every epoch draws its minibatches without replacement; the last may be smaller than the rest.
    The order depends on the recipe's seed alone, not on the device. Raises TrainingError where a
    minibatch would be larger than the training set, or where the loss is no longer finite.
    """
    training, validation = split(digits, recipe.validation_size)
    if recipe.batch_size > len(training):
        raise TrainingError(
            f"--batch-size is {recipe.batch_size}, but there are only {len(training)} images "
            "to train on"
        )
    device = network.parameters.device
    loss = LOSSES[recipe.loss]
    # The whole set lives on the device as uint8 (47 MB); each minibatch is scaled when it is used.
    originals, labels = _on_device(training, device)
    held_out = (
        Backpropagation(network, loss, *_on_device(validation, device)) if len(validation) else None
    )
    augmentation = AUGMENTATIONS[recipe.augmentation]
    images = torch.empty_like(originals) if augmentation else originals
    average = Average(network.parameters, recipe.averaging) if recipe.averaging else None
    # Steps move a network of their own where `network` is to be the average over them.
    moving = network.to(device) if average else network
    backpropagation = Backpropagation(moving, loss, images, labels)
    optimizer = OPTIMIZERS[recipe.optimizer](
        moving.parameters, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    numbers_held_out = torch.arange(len(validation), device=device)
    stopping = EarlyStopping(recipe.patience)
    generator = torch.Generator().manual_seed(recipe.seed)
    for number in range(1, recipe.epochs + 1):
        start = time.perf_counter()
        order = torch.randperm(len(training), generator=generator).to(device)
        if augmentation:
            augment(originals, augmentation, generator, out=images)
        score = _run_epoch(backpropagation, optimizer, average, order, number, recipe)
        epoch = Epoch(
            number,
            training=score,
            validation=_score(held_out, numbers_held_out) if held_out else None,
            gradient_sizes=_gradient_sizes(backpropagation, order[:_DIAGNOSED_IMAGES]),
            seconds=time.perf_counter() - start,
        )
        yield epoch
        if epoch.validation and stopping.is_over(epoch.validation.loss, network.parameters):
            break
    stopping.restore_best(network.parameters)


def _run_epoch(
    backpropagation: Backpropagation,
    optimizer: Optimizer,
    average: Average | None,
    order: Tensor,
    number: int,
    recipe: Recipe,
) -> Score:
    backpropagation.reset()
    batches = torch.split(order, recipe.batch_size)
    for index, batch in enumerate(batches):
        factor = learning_rate_factor(
            recipe.schedule,
            (number - 1) * len(batches) + index,
            recipe.epochs * len(batches),
            warmup_fraction=recipe.warmup_fraction,
        )
        backpropagation.run(batch)
        optimizer.step(backpropagation.gradient, recipe.learning_rate * factor)
        if average:
            average.update(optimizer.parameters, optimizer.steps)
    score = Score(
        backpropagation.loss_sum.item() / len(order), backpropagation.correct.item() / len(order)
    )
    # The last step may be the one too far, after the last loss.
    if not (math.isfinite(score.loss) and optimizer.parameters.isfinite().all()):
        raise TrainingError(
            f"the loss is {score.loss} in epoch {number}: the training diverges at "
            f"--learning-rate {recipe.learning_rate}, try a smaller one"
        )
    return score


def _score(measured: Backpropagation, images: Tensor) -> Score:
    """Loss and accuracy of the network as it is on the images with these numbers."""
    measured.reset()
    for batch in torch.split(images, _SCORED_AT_ONCE):
        measured.measure(batch)
    return Score(measured.loss_sum.item() / len(images), measured.correct.item() / len(images))


def _gradient_sizes(backpropagation: Backpropagation, batch: Tensor) -> tuple[float, ...]:
    backpropagation.run(batch)
    return tuple(diagnosis.gradient_sizes(backpropagation.gradients))


def _on_device(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(digits.images, device=device),
        torch.tensor(digits.labels, dtype=torch.int64, device=device),
    )
