"""The training loop of a population."""

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from training.epoch import Epoch, Score
from training.errors import TrainingError
from training.mnist import Digits
from training.population.backpropagation import PopulationBackpropagation, count_correct
from training.population.losses import POPULATION_LOSSES, PopulationLoss
from training.population.members import Population, require_alike
from training.population.optimizers import POPULATION_OPTIMIZERS, PopulationOptimizer
from training.population.step import Step
from training.recipe import Recipe
from training.schedules import learning_rate_factor
from training.training_set import split

# As in training.train.
_DIAGNOSED_IMAGES = 256
_SCORED_AT_ONCE = 1000


def train_population(
    population: Population, digits: Digits, recipes: Sequence[Recipe]
) -> Iterator[list[Epoch]]:
    """Train all members in place, and yield after each epoch what is known of each member.

    Member k becomes what `train(build(recipes[k]), digits, recipes[k])` makes, to the rounding:
    it sees the same minibatches in the same order. From the epoch on in which it diverges its
    scores are NaN. `seconds` are those of all members together.

    Raises ValueError where the recipes differ in more than a population can, TrainingError where
    a minibatch would be larger than the training set, or once every member has diverged.
    """
    require_alike(recipes)
    return _PopulationTraining(population, digits, recipes).epochs()


class _PopulationTraining:
    """A training under way; see training.train.Training."""

    def __init__(self, population: Population, digits: Digits, recipes: Sequence[Recipe]) -> None:
        shared, device = recipes[0], population.parameters.device
        training, validation = split(digits, shared.validation_size)
        if shared.batch_size > len(training):
            raise TrainingError(
                f"--batch-size is {shared.batch_size}, but there are only {len(training)} images "
                "to train on"
            )
        self._population = population
        self._recipes = recipes
        self._images = len(training)
        self._held_out = _on_device(validation, device) if len(validation) else None
        self._loss = POPULATION_LOSSES[shared.loss]
        self._backpropagation = PopulationBackpropagation(
            population, self._loss, *_on_device(training, device)
        )
        optimizer = _optimizer(population, recipes)
        self._step = Step(self._backpropagation, optimizer, shared.batch_size)
        self._generators = [torch.Generator().manual_seed(recipe.seed) for recipe in recipes]
        self._alive = torch.ones(len(recipes), dtype=torch.bool, device=device)

    def epochs(self) -> Iterator[list[Epoch]]:
        for number in range(1, self._recipes[0].epochs + 1):
            start = time.perf_counter()
            orders = self._run_epoch(number)
            training = self._checked_scores(number)
            validation = self._validate()
            sizes = self._gradient_sizes(orders[:, :_DIAGNOSED_IMAGES])
            seconds = time.perf_counter() - start
            yield [
                Epoch(number, training[member], validation[member], sizes[member], seconds)
                for member in range(len(self._recipes))
            ]

    def _run_epoch(self, number: int) -> Tensor:
        """Train each member on every image once; the orders [K, images] in which they came."""
        drawn = [torch.randperm(self._images, generator=each) for each in self._generators]
        orders = torch.stack(drawn).to(self._alive.device)
        self._backpropagation.reset()
        batches = torch.split(orders, self._recipes[0].batch_size, 1)
        rates = _learning_rates(self._recipes, number, len(batches)).to(self._alive.device)
        for some, their_rates in zip(batches, rates, strict=True):
            self._step.run(some, their_rates)
        return orders

    def _checked_scores(self, number: int) -> list[Score]:
        finite = self._population.parameters.isfinite().all(1)
        self._alive &= finite & self._backpropagation.loss_sums.isfinite()
        if not self._alive.any():
            raise TrainingError(
                f"all {len(self._recipes)} members have diverged by epoch {number}: try smaller "
                "learning rates"
            )
        return self._scores(
            self._backpropagation.loss_sums, self._backpropagation.correct, self._images
        )

    def _validate(self) -> Sequence[Score | None]:
        if self._held_out is None:
            return [None] * len(self._recipes)
        losses, correct = score(self._population, self._loss, *self._held_out)
        return self._scores(losses, correct, len(self._held_out[1]))

    def _scores(self, losses: Tensor, correct: Tensor, images: int) -> list[Score]:
        means = (losses.double() / images).where(self._alive, torch.nan)
        shares = (correct.double() / images).where(self._alive, torch.nan)
        return [Score(*pair) for pair in zip(means.tolist(), shares.tolist(), strict=True)]

    def _gradient_sizes(self, batches: Tensor) -> list[tuple[float, ...]]:
        """Root mean squares, as training.diagnosis takes them, by member and layer."""
        self._backpropagation.run(batches)
        weights = [layer.weight for layer in self._backpropagation.gradients]
        sizes = [weight.double().square().mean((1, 2)).sqrt() for weight in weights]
        return [tuple(of_member) for of_member in torch.stack(sizes, 1).tolist()]


def score(
    population: Population, loss: PopulationLoss, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Sums of the losses [K] of images uint8 [N, 28, 28], and how many are read rightly [K]."""
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
    return losses, correct


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


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).unsqueeze(1)


def _on_device(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(digits.images, device=device),
        torch.tensor(digits.labels, dtype=torch.int64, device=device),
    )
