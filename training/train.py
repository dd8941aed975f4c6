"""The training loop."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from registry.contract import IMAGE_PIXELS
from training import diagnosis
from training.average import Average
from training.backpropagation import Backpropagation
from training.distributed import ALONE, Group
from training.early_stopping import EarlyStopping
from training.epoch import HISTORY, Epoch, Score
from training.errors import TrainingError
from training.losses import LOSSES
from training.minibatches import Minibatches, steps_per_epoch
from training.mnist import Digits
from training.network import Network
from training.optimizers import OPTIMIZERS
from training.pixels import restricted, used_pixels, write_back
from training.precision import PRECISIONS, pick_precision
from training.recipe import Recipe
from training.schedules import learning_rate_factor
from training.training_set import prepare

# Images on whose gradient the layers are diagnosed after each epoch.
_DIAGNOSED_IMAGES = 256

# So few that they stay in the cache.
_SCORED_AT_ONCE = 500


def train(network: Network, digits: Digits, recipe: Recipe) -> Iterator[Epoch]:
    """Train `network` in place, and yield after each epoch; see Training."""
    return Training(network, digits, recipe).epochs()


class Training:
    """A training under way: what changes from step to step, so that it can be kept and resumed.

    Several processes (`group`) share the images out among them, and each minibatch as well.
    """

    def __init__(
        self, network: Network, digits: Digits, recipe: Recipe, group: Group = ALONE
    ) -> None:
        """Train `network` in place on `digits`.

        Raises TrainingError where a minibatch would be larger than the training set, or cannot be
        shared out evenly.
        """
        training, validation = prepare(digits, recipe)
        self.network = network
        self.history: list[Epoch] = []
        self._recipe = recipe
        self._group = group
        self._steps_per_epoch = steps_per_epoch(recipe, len(training), group)
        device = network.parameters.device
        used = used_pixels(recipe, training.images)
        # The whole set lives on the device as uint8 (47 MB); a minibatch is scaled when it is used.
        shard = training[group.rank :: group.size]
        self._minibatches = Minibatches(*_on_device(shard, used, device), recipe, group)
        everything = np.ones_like(used)
        self._held_out = (
            Backpropagation(
                network, LOSSES[recipe.loss], *_on_device(validation, everything, device)
            )
            if len(validation)
            else None
        )
        group.follow(network.parameters)
        self._pixels = torch.from_numpy(used.nonzero()[0]).to(device)
        self._small = restricted(network, self._pixels)
        small = self._small.parameters
        self._average = Average(small, recipe.averaging) if recipe.averaging else None
        # Steps move a network of their own where the result is to be the average over them.
        self._moving = self._small.to(device) if self._average else self._small
        self._backpropagation = Backpropagation(
            self._moving,
            LOSSES[recipe.loss],
            self._minibatches.images,
            self._minibatches.labels,
            open_set=recipe.non_digits > 0,
            precision=PRECISIONS[pick_precision(recipe.precision, device)],
        )
        self._optimizer = OPTIMIZERS[recipe.optimizer](
            self._moving.parameters, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        self._stopping = EarlyStopping(recipe.patience)

    def epochs(self) -> Iterator[Epoch]:
        """Go on to the end, and yield after each epoch.

        Raises TrainingError where the loss is no longer finite.
        """
        while len(self.history) < self._recipe.epochs and not self._stopping.is_over:
            start = time.perf_counter()
            training, order = self._run_epoch()
            write_back(self._small, self._pixels, self.network)
            epoch = Epoch(
                len(self.history) + 1,
                training,
                validation=self._validate(),
                gradient_sizes=self._gradient_sizes(order[:_DIAGNOSED_IMAGES]),
                seconds=time.perf_counter() - start,
            )
            if epoch.validation:
                # On unlike machines a last bit may differ, and all must stop together.
                loss = self._group.leaders(epoch.validation.loss)
                self._stopping.watch(loss, self.network.parameters)
            self.history.append(epoch)
            yield epoch
        self._stopping.restore_best(self.network.parameters)

    def state(self) -> dict[str, Any]:
        """All that the rest of the training depends on, between two epochs.

        Every process must ask for it, and gets the same.
        """
        return {
            "history": HISTORY.dump_json(self.history).decode(),
            "parameters": self.network.parameters,
            "moving": self._moving.parameters,
            "optimizer": self._optimizer.state,
            "steps": self._optimizer.steps,
            "minibatches": self._group.gather(self._minibatches.state()),
            "stopping": self._stopping.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken, in a training of the same recipe and images."""
        self.history = HISTORY.validate_json(state["history"])
        self.network.parameters.copy_(state["parameters"])
        self._small.parameters.copy_(restricted(self.network, self._pixels).parameters)
        self._moving.parameters.copy_(state["moving"])
        for name, values in state["optimizer"].items():
            self._optimizer.state[name].copy_(values)
        self._optimizer.steps = state["steps"]
        self._minibatches.restore(state["minibatches"][self._group.rank])
        self._stopping.restore(state["stopping"])

    def _run_epoch(self) -> tuple[Score, Tensor]:
        """Train on the images of one epoch; the score, and the order in which they came."""
        order = self._minibatches.epoch(len(self.history) + 1)
        self._backpropagation.reset()
        for batch in self._minibatches.of(order, self._steps_per_epoch):
            self._step(batch)
        return self._checked_score(len(order)), order

    def _step(self, batch: Tensor) -> None:
        recipe, gradient = self._recipe, self._backpropagation.gradient
        if len(batch):
            self._backpropagation.run(batch)
            self._minibatches.learn_errors(batch, self._backpropagation.logits_error)
        else:
            gradient.zero_()
        self._group.average(gradient, len(batch))
        factor = learning_rate_factor(
            recipe.schedule,
            self._optimizer.steps,
            recipe.epochs * self._steps_per_epoch,
            warmup_fraction=recipe.warmup_fraction,
        )
        self._optimizer.step(gradient, recipe.learning_rate * factor)
        if self._average:
            self._average.update(self._moving.parameters, self._optimizer.steps)

    def _checked_score(self, taken: int) -> Score:
        loss, correct, images = self._group.total(
            self._backpropagation.loss_sum.item(),
            self._backpropagation.correct.item(),
            taken,
        )
        # The last step may be the one too far, after the last loss.
        if not (math.isfinite(loss) and self._moving.parameters.isfinite().all()):
            raise TrainingError(
                f"the loss is {loss / images} in epoch {len(self.history) + 1}: the training "
                f"diverges at --learning-rate {self._recipe.learning_rate}, try a smaller one"
            )
        return Score(loss / images, correct / images)

    def _validate(self) -> Score | None:
        held_out = self._held_out
        if held_out is None:
            return None
        images = torch.arange(self._recipe.validation_size, device=self._pixels.device)
        held_out.reset()
        for batch in torch.split(images, _SCORED_AT_ONCE):
            held_out.measure(batch)
        return Score(held_out.loss_sum.item() / len(images), held_out.correct.item() / len(images))

    def _gradient_sizes(self, batch: Tensor) -> tuple[float, ...]:
        self._backpropagation.run(batch)
        self._group.average(self._backpropagation.gradient, len(batch))
        first, *others = diagnosis.gradient_sizes(self._backpropagation.gradients)
        # The weights of pixels that are left out have a gradient as well: zero.
        return (first * math.sqrt(len(self._pixels) / IMAGE_PIXELS), *others)


def _on_device(
    digits: Digits, used: NDArray[np.bool_], device: torch.device
) -> tuple[Tensor, Tensor]:
    """The used pixels uint8 [N, n] and the labels int64 [N]."""
    pixels = np.compress(used, digits.images.reshape(len(digits), -1), axis=1)
    labels = torch.tensor(digits.labels, dtype=torch.int64, device=device)
    return torch.from_numpy(pixels).to(device), labels
