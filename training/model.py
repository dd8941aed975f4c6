"""The multilayer perceptron."""

import itertools

import torch
from torch import Tensor, nn

from registry.contract import DIGITS, IMAGE_PIXELS
from training.recipe import Recipe

# Scaling is a part of the model, so that its input is the data set's own uint8 image.
WHITE = 255.0


class MultilayerPerceptron(nn.Module):
    """784 inputs, hidden layers of ReLU, 10 logits."""

    def __init__(self, hidden_layers: int, width: int) -> None:
        super().__init__()
        sizes = [IMAGE_PIXELS, *[width] * hidden_layers, DIGITS]
        pairs = itertools.pairwise(sizes)
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits [N, 10] of images uint8 [N, 28, 28], in the dtype of the weights."""
        *hidden, last = self.linear_layers()
        activation = pixels.flatten(1).to(last.weight.dtype) / WHITE
        for layer in hidden:
            activation = torch.relu(layer(activation))
        logits: Tensor = last(activation)
        return logits

    def linear_layers(self) -> list[nn.Linear]:
        """The layers from input to output."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def build(recipe: Recipe) -> MultilayerPerceptron:
    """The network of `recipe`, its weights drawn from the recipe's seed.

    PyTorch's default initialisation: uniform in ±1/√fan_in for weights and biases.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return MultilayerPerceptron(recipe.hidden_layers, recipe.width)
