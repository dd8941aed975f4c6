"""Optimizers: how a gradient becomes a step. All of them work in place, on one vector.

Each is written as in the publication named and computes what torch.optim computes by that name,
to the rounding. η is the learning rate, g the gradient, w the parameters.
"""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor

OptimizerName = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]


class Optimizer:
    """Minibatch stochastic gradient descent, w ← w − η g, and the base of the others.

    `weight_decay` λ adds λ w to the gradient, as the L2 penalty (λ/2)‖w‖² would.
    """

    buffers: ClassVar[tuple[str, ...]] = ()
    """Names of the vectors that the optimizer keeps from step to step; zero at first."""

    def __init__(self, parameters: Tensor, *, momentum: float, weight_decay: float) -> None:
        self.parameters = parameters
        self.steps = 0
        self.state = {name: torch.zeros_like(parameters) for name in self.buffers}
        self._momentum = momentum
        self._weight_decay = weight_decay

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the parameters once; `gradient` is used up."""
        self.steps += 1
        if self._weight_decay:
            gradient.add_(self.parameters, alpha=self._weight_decay)
        self._move(gradient, learning_rate)

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        self.parameters.add_(gradient, alpha=-learning_rate)


class Momentum(Optimizer):
    """v ← μ v + g, w ← w − η v (Polyak, 1964)."""

    buffers = ("velocity",)

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        velocity = self.state["velocity"].mul_(self._momentum).add_(gradient)
        self.parameters.add_(velocity, alpha=-learning_rate)


class Nesterov(Momentum):
    """v ← μ v + g, w ← w − η (g + μ v) (Nesterov, 1983; in this form Sutskever et al., 2013)."""

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        velocity = self.state["velocity"].mul_(self._momentum).add_(gradient)
        self.parameters.add_(gradient.add_(velocity, alpha=self._momentum), alpha=-learning_rate)


class Adagrad(Optimizer):
    """s ← s + g², w ← w − η g / (√s + ε) (Duchi, Hazan and Singer, 2011)."""

    buffers = ("squares",)
    _epsilon = 1e-10

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        squares = self.state["squares"].addcmul_(gradient, gradient)
        self.parameters.addcdiv_(gradient, squares.sqrt().add_(self._epsilon), value=-learning_rate)


class RMSprop(Optimizer):
    """s ← ρ s + (1 − ρ) g², w ← w − η g / (√s + ε), ρ = 0.99 (Hinton, lecture 6e, 2012)."""

    buffers = ("squares",)
    _decay = 0.99
    _epsilon = 1e-8

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        squares = self.state["squares"].mul_(self._decay)
        squares.addcmul_(gradient, gradient, value=1 - self._decay)
        self.parameters.addcdiv_(gradient, squares.sqrt().add_(self._epsilon), value=-learning_rate)


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², w ← w − η m̂ / (√ŝ + ε) (Kingma and Ba, 2015).

    m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ) undo the bias towards the zeros of the start; β₁ = 0.9,
    β₂ = 0.999.
    """

    buffers = ("mean", "squares")
    _betas = (0.9, 0.999)
    _epsilon = 1e-8

    def _move(self, gradient: Tensor, learning_rate: float) -> None:
        beta_1, beta_2 = self._betas
        mean = self.state["mean"].lerp_(gradient, 1 - beta_1)
        squares = self.state["squares"].mul_(beta_2)
        squares.addcmul_(gradient, gradient, value=1 - beta_2)
        root = squares.sqrt().div_(math.sqrt(1 - beta_2**self.steps)).add_(self._epsilon)
        self.parameters.addcdiv_(mean, root, value=-learning_rate / (1 - beta_1**self.steps))


class AdamW(Adam):
    """Adam with its weight decay, w ← w − η λ w, apart (Loshchilov and Hutter, 2019)."""

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """Move the parameters once; `gradient` is used up."""
        self.steps += 1
        self.parameters.mul_(1 - learning_rate * self._weight_decay)
        self._move(gradient, learning_rate)


OPTIMIZERS: dict[OptimizerName, type[Optimizer]] = {
    "sgd": Optimizer,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
