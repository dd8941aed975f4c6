"""The training loop."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.mnist import Digits
from training.model import MultilayerPerceptron
from training.recipe import Recipe


class TrainingError(Exception):
    """The training cannot go on; the text says why and what to try."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set; loss and accuracy are means over it, taken while it ran."""

    number: int
    loss: float
    accuracy: float
    seconds: float


def pick_device(name: str) -> torch.device:
    """The device that `name` ("auto", "cpu" or "cuda") stands for; raises TrainingError."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise TrainingError("--device is 'cuda', but PyTorch finds no GPU here: use cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def train(model: MultilayerPerceptron, digits: Digits, recipe: Recipe) -> Iterator[Epoch]:
    """Train `model` in place by minibatch SGD, and yield after each epoch.

    Every epoch draws its minibatches without replacement; the last may be smaller than the rest.
    The order depends on the recipe's seed alone, not on the device. Raises TrainingError where a
    minibatch would be larger than the training set, or where the loss is no longer finite.
    """
    if recipe.batch_size > len(digits):
        raise TrainingError(
            f"--batch-size is {recipe.batch_size}, but there are only {len(digits)} training images"
        )
    device = next(model.parameters()).device
    # The whole set lives on the device as uint8 (47 MB); each minibatch is scaled when it is used.
    images = torch.tensor(digits.images, device=device)
    labels = torch.tensor(digits.labels, dtype=torch.int64, device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate)
    generator = torch.Generator().manual_seed(recipe.seed)
    for number in range(1, recipe.epochs + 1):
        start = time.perf_counter()
        order = torch.randperm(len(digits), generator=generator).to(device)
        loss, accuracy = _run_epoch(model, optimizer, images, labels, order, recipe.batch_size)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {number}: the training diverges at --learning-rate "
                f"{recipe.learning_rate}, try a smaller one"
            )
        yield Epoch(number, loss, accuracy, time.perf_counter() - start)


def _run_epoch(
    model: MultilayerPerceptron,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    order: Tensor,
    batch_size: int,
) -> tuple[float, float]:
    # Summed on the device: reading a number in every step would stall a GPU.
    loss_sum = torch.zeros((), device=images.device)
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    for batch in torch.split(order, batch_size):
        target = labels[batch]
        logits = model(images[batch])
        loss = functional.cross_entropy(logits, target)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        loss_sum += loss.detach() * len(batch)
        correct += (logits.argmax(1) == target).sum()
    return loss_sum.item() / len(order), correct.item() / len(order)
