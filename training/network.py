"""The multilayer perceptron: its parameters, and what it computes."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from registry.contract import DIGITS, IMAGE_PIXELS
from training.activations import ACTIVATIONS, ActivationName
from training.initialization import INITIALIZATIONS
from training.recipe import Recipe

WHITE = 255.0
"""The scaling of pixels is a part of the network: its input is the data set's own uint8 image."""

# The scaled copies of so many images stay in the cache; those of a whole test set are 63 MB.
_AT_ONCE = 500


class Layer(NamedTuple):
    """Weights [outputs, inputs] and biases [outputs] of one layer, or their gradients."""

    weight: Tensor
    bias: Tensor


class Network:
    """784 inputs, hidden layers of one width, 10 logits.

    All parameters lie in one vector, so that an optimizer is a few operations whatever the depth.
    """

    def __init__(
        self, sizes: Sequence[int], activation: ActivationName, parameters: Tensor
    ) -> None:
        """Use the vector `parameters`: for each layer its weights row by row, then its biases."""
        self.sizes = tuple(sizes)
        self.activation: ActivationName = activation
        self.parameters = parameters
        self.layers = self.views(parameters)

    def views(self, vector: Tensor) -> list[Layer]:
        """The layers within a vector that is laid out as the parameters are."""
        layers, start = [], 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            bias = start + fan_in * fan_out
            end = bias + fan_out
            layers.append(Layer(vector[start:bias].view(fan_out, fan_in), vector[bias:end]))
            start = end
        return layers

    def to(self, target: torch.device | torch.dtype) -> "Network":
        """A copy on another device, or in another precision."""
        return Network(self.sizes, self.activation, self.parameters.to(target, copy=True))

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits [N, 10] of images uint8 [N, 28, 28], in the dtype of the parameters."""
        logits = self.parameters.new_empty(len(pixels), self.sizes[-1])
        for some, their in zip(
            torch.split(pixels, _AT_ONCE), torch.split(logits, _AT_ONCE), strict=True
        ):
            their.copy_(self._logits(some))
        return logits

    def _logits(self, pixels: Tensor) -> Tensor:
        last = self.layers[-1]
        return torch.addmm(last.bias, self.inputs(pixels)[-1], last.weight.t())

    def inputs(self, pixels: Tensor) -> list[Tensor]:
        """What each layer takes in, [N, its inputs], of images uint8 [N, 28, 28]."""
        activate = ACTIVATIONS[self.activation].apply
        inputs = [pixels.flatten(1).to(self.parameters.dtype) / WHITE]
        for layer in self.layers[:-1]:
            values = torch.addmm(layer.bias, inputs[-1], layer.weight.t())
            activate(values, values)
            inputs.append(values)
        return inputs


def build(recipe: Recipe) -> Network:
    """The network of `recipe`, its parameters drawn from the recipe's seed."""
    sizes = [IMAGE_PIXELS, *[recipe.width] * recipe.hidden_layers, DIGITS]
    count = sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))
    network = Network(sizes, recipe.activation, torch.zeros(count))
    generator = torch.Generator().manual_seed(recipe.seed)
    for layer in network.layers:
        INITIALIZATIONS[recipe.initialization](layer.weight, layer.bias, generator)
    return network
