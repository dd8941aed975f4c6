"""Activation functions and their derivatives, for whole layers and without allocation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

ActivationName = Literal["relu", "tanh", "sigmoid", "gelu"]

_kernels = torch.ops.aten


@dataclass(frozen=True)
class Activation:
    """`apply(z, a)` writes σ(z) into a; `backward(d, z, a, out)` writes d ⊙ σ′(z) into out.

    All of one shape. `backward` may use either of z and a = σ(z), whichever is cheaper; `out` may
    be `d`.
    """

    apply: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], object]


ACTIVATIONS: dict[ActivationName, Activation] = {
    # max(0, z); the derivative at 0 is taken to be 0.
    "relu": Activation(
        lambda z, a: torch.clamp_min(z, 0, out=a),
        lambda d, z, a, out: _kernels.threshold_backward.grad_input(d, a, 0, grad_input=out),
    ),
    # σ′ = 1 − a²
    "tanh": Activation(
        lambda z, a: torch.tanh(z, out=a),
        lambda d, z, a, out: _kernels.tanh_backward.grad_input(d, a, grad_input=out),
    ),
    # σ′ = a (1 − a)
    "sigmoid": Activation(
        lambda z, a: torch.sigmoid(z, out=a),
        lambda d, z, a, out: _kernels.sigmoid_backward.grad_input(d, a, grad_input=out),
    ),
    # z Φ(z), whose derivative is Φ(z) + z φ(z) (Hendrycks and Gimpel, 2016)
    "gelu": Activation(
        lambda z, a: _kernels.gelu.out(z, out=a),
        lambda d, z, a, out: _kernels.gelu_backward.grad_input(d, z, grad_input=out),
    ),
}
