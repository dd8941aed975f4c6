"""The optimizers of training.optimizers, for all members at once.

Parameters, gradients and state are [K, P]; what members may differ in, the learning rate η, the
momentum μ and the weight decay λ, is [K, 1]. Whatever changes from step to step is a tensor on the
device, so that a step can be recorded once and replayed: a number would be recorded as it was.
"""

from typing import ClassVar

import torch
from torch import Tensor

from training.optimizers import OptimizerName


class PopulationOptimizer:
    """w ← w − η g, and the base of the others; the formulas are in training.optimizers."""

    buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Tensor, *, momentum: Tensor, weight_decay: Tensor) -> None:
        self.parameters = parameters
        self.steps = torch.zeros((), dtype=torch.float64, device=parameters.device)
        self.state = {name: torch.zeros_like(parameters) for name in self.buffers}
        self._momentum = momentum
        self._weight_decay = weight_decay
        self._decays = bool(weight_decay.any())

    def step(self, gradient: Tensor, learning_rates: Tensor) -> None:
        """Move all members once; `gradient` is used up."""
        self.steps += 1
        if self._decays:
            gradient.addcmul_(self.parameters, self._weight_decay)
        self._move(gradient, learning_rates)

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        self.parameters.addcmul_(gradient, learning_rates, value=-1)


class Momentum(PopulationOptimizer):
    """v ← μ v + g, w ← w − η v."""

    buffers = ("velocity",)

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        velocity = self.state["velocity"].mul_(self._momentum).add_(gradient)
        self.parameters.addcmul_(velocity, learning_rates, value=-1)


class Nesterov(Momentum):
    """v ← μ v + g, w ← w − η (g + μ v)."""

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        velocity = self.state["velocity"].mul_(self._momentum).add_(gradient)
        gradient.addcmul_(velocity, self._momentum)
        self.parameters.addcmul_(gradient, learning_rates, value=-1)


class _Adaptive(PopulationOptimizer):
    """Those that divide by the root of a sum of squares."""

    def __init__(self, parameters: Tensor, *, momentum: Tensor, weight_decay: Tensor) -> None:
        super().__init__(parameters, momentum=momentum, weight_decay=weight_decay)
        self._root = torch.empty_like(parameters)

    def _divide(self, step: Tensor, epsilon: float) -> None:
        """Take the step divided by the root, w ← w − step / (root + ε)."""
        self.parameters.addcdiv_(step, self._root.add_(epsilon), value=-1)


class Adagrad(_Adaptive):
    """s ← s + g², w ← w − η g / (√s + ε)."""

    buffers = ("squares",)

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        squares = self.state["squares"].addcmul_(gradient, gradient)
        torch.sqrt(squares, out=self._root)
        self._divide(gradient.mul_(learning_rates), 1e-10)


class RMSprop(_Adaptive):
    """s ← ρ s + (1 − ρ) g², w ← w − η g / (√s + ε), ρ = 0.99."""

    buffers = ("squares",)
    _decay = 0.99

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        squares = self.state["squares"].mul_(self._decay)
        squares.addcmul_(gradient, gradient, value=1 - self._decay)
        torch.sqrt(squares, out=self._root)
        self._divide(gradient.mul_(learning_rates), 1e-8)


class Adam(_Adaptive):
    """m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², w ← w − η m̂ / (√ŝ + ε)."""

    buffers = ("mean", "squares")
    _betas = (0.9, 0.999)

    def _move(self, gradient: Tensor, learning_rates: Tensor) -> None:
        beta_1, beta_2 = self._betas
        mean = self.state["mean"].lerp_(gradient, 1 - beta_1)
        squares = self.state["squares"].mul_(beta_2)
        squares.addcmul_(gradient, gradient, value=1 - beta_2)
        torch.sqrt(squares, out=self._root)
        self._root.div_((1 - beta_2**self.steps).sqrt())
        # The gradient is used up: its memory takes the step.
        step = torch.mul(mean, learning_rates / (1 - beta_1**self.steps), out=gradient)
        self._divide(step, 1e-8)


class AdamW(Adam):
    """Adam with its weight decay, w ← w − η λ w, apart."""

    def step(self, gradient: Tensor, learning_rates: Tensor) -> None:
        """Move all members once; `gradient` is used up."""
        self.steps += 1
        self.parameters.mul_(1 - learning_rates * self._weight_decay)
        self._move(gradient, learning_rates)


POPULATION_OPTIMIZERS: dict[OptimizerName, type[PopulationOptimizer]] = {
    "sgd": PopulationOptimizer,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
