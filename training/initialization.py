"""Initial weights [outputs, inputs] and biases [outputs] of a layer, drawn in place."""

import math
from collections.abc import Callable
from typing import Literal

from torch import Generator, Tensor

InitializationName = Literal["pytorch", "glorot", "he"]


def _pytorch(weight: Tensor, bias: Tensor, generator: Generator) -> None:
    """Uniform in ±1/√inputs, biases too: what PyTorch gives a linear layer."""
    bound = 1 / math.sqrt(weight.shape[1])
    weight.uniform_(-bound, bound, generator=generator)
    bias.uniform_(-bound, bound, generator=generator)


def _glorot(weight: Tensor, bias: Tensor, generator: Generator) -> None:
    """Uniform in ±√(6/(inputs + outputs)), biases zero: (Glorot and Bengio, 2010)."""
    bound = math.sqrt(6 / sum(weight.shape))
    weight.uniform_(-bound, bound, generator=generator)
    bias.zero_()


def _he(weight: Tensor, bias: Tensor, generator: Generator) -> None:
    """Normal with variance 2/inputs, which ReLU keeps; biases zero (He et al., 2015)."""
    weight.normal_(0, math.sqrt(2 / weight.shape[1]), generator=generator)
    bias.zero_()


INITIALIZATIONS: dict[InitializationName, Callable[[Tensor, Tensor, Generator], None]] = {
    "pytorch": _pytorch,
    "glorot": _glorot,
    "he": _he,
}
