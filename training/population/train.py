"""The training loop of a population."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.mnist import Digits
from training.population.backpropagation import PopulationBackpropagation, count_correct
from training.population.losses import POPULATION_LOSSES, PopulationLoss
from training.population.members import Population, require_alike
from training.population.optimizers import POPULATION_OPTIMIZERS, PopulationOptimizer
from training.population.step import Step
from training.recipe import Recipe
from training.schedules import learning_rate_factor
from training.train import Score, TrainingError, split

_SCORED_AT_ONCE = 1000


@dataclass(frozen=True)
class PopulationEpoch:
    """One pass of every member over the training set; scores in the order of the members.

    `training` is taken while the networks change, `validation` after the epoch; it is empty without
    validation images. A member that has diverged, in this epoch or before, scores NaN.
    """

    number: int
    training: list[Score]
    validation: list[Score]
    seconds: float


def train_population(
    population: Population, digits: Digits, recipes: Sequence[Recipe]
) -> Iterator[PopulationEpoch]:
    """Train all members in place, and yield after each epoch.

    Member k becomes what `train(build(recipes[k]), digits, recipes[k])` makes, to the rounding:
    it sees the same minibatches in the same order. Raises ValueError where the recipes differ in
    more than a population can, TrainingError where a minibatch would be larger than the training
    set or once every member has diverged.
    """
    require_alike(recipes)
    shared, device = recipes[0], population.parameters.device
    training, validation = split(digits, shared.validation_size)
    if shared.batch_size > len(training):
        raise TrainingError(
            f"--batch-size is {shared.batch_size}, but there are only {len(training)} images "
            "to train on"
        )
    loss = POPULATION_LOSSES[shared.loss]
    held_out = _on_device(validation, device)
    backpropagation = PopulationBackpropagation(population, loss, *_on_device(training, device))
    step = Step(backpropagation, _optimizer(population, recipes), shared.batch_size)
    generators = [torch.Generator().manual_seed(recipe.seed) for recipe in recipes]
    alive = torch.ones(len(recipes), dtype=torch.bool, device=device)
    for number in range(1, shared.epochs + 1):
        start = time.perf_counter()
        backpropagation.reset()
        orders = [torch.randperm(len(training), generator=generator) for generator in generators]
        batches = torch.split(torch.stack(orders).to(device), shared.batch_size, 1)
        rates = _learning_rates(recipes, number, len(batches)).to(device)
        for some, their_rates in zip(batches, rates, strict=True):
            step.run(some, their_rates)
        alive &= backpropagation.loss_sums.isfinite() & population.parameters.isfinite().all(1)
        if not alive.any():
            raise TrainingError(
                f"all {len(recipes)} members have diverged by epoch {number}: try smaller "
                "learning rates"
            )
        yield PopulationEpoch(
            number,
            _scores(backpropagation.loss_sums, backpropagation.correct, len(training), alive),
            _validate(population, loss, *held_out, alive) if len(validation) else [],
            time.perf_counter() - start,
        )


def _optimizer(population: Population, recipes: Sequence[Recipe]) -> PopulationOptimizer:
    device = population.parameters.device
    return POPULATION_OPTIMIZERS[recipes[0].optimizer](
        population.parameters,
        momentum=_column([recipe.momentum for recipe in recipes], device),
        weight_decay=_column([recipe.weight_decay for recipe in recipes], device),
    )


def _learning_rates(recipes: Sequence[Recipe], epoch: int, steps: int) -> Tensor:
    """The rates float32 [steps, K, 1] of one epoch; schedules depend on what members share."""
    shared = recipes[0]
    factors = [
        learning_rate_factor(
            shared.schedule,
            (epoch - 1) * steps + index,
            shared.epochs * steps,
            warmup_fraction=shared.warmup_fraction,
        )
        for index in range(steps)
    ]
    own = torch.tensor([[recipe.learning_rate] for recipe in recipes], dtype=torch.float64)
    return (torch.tensor(factors, dtype=torch.float64).view(-1, 1, 1) * own).float()


def _validate(
    population: Population, loss: PopulationLoss, images: Tensor, labels: Tensor, alive: Tensor
) -> list[Score]:
    losses = population.parameters.new_zeros(len(population), dtype=torch.float64)
    correct = torch.zeros(len(population), dtype=torch.int64, device=images.device)
    one_hot = torch.eye(population.sizes[-1], device=images.device)
    for some, their in zip(
        torch.split(images, _SCORED_AT_ONCE), torch.split(labels, _SCORED_AT_ONCE), strict=True
    ):
        logits = population.logits(some)
        target = one_hot[:, their].expand_as(logits)
        losses += loss(logits, target, torch.empty_like(logits))
        correct += count_correct(logits, their.expand(len(population), 1, -1))
    return _scores(losses, correct, len(images), alive)


def _scores(losses: Tensor, correct: Tensor, images: int, alive: Tensor) -> list[Score]:
    means = (losses.double() / images).where(alive, torch.nan)
    shares = (correct.double() / images).where(alive, torch.nan)
    return [Score(*pair) for pair in zip(means.tolist(), shares.tolist(), strict=True)]


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).unsqueeze(1)


def _on_device(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(digits.images, device=device),
        torch.tensor(digits.labels, dtype=torch.int64, device=device),
    )
