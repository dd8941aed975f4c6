"""Many networks of one shape: their recipes, and their parameters in one matrix."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from training.activations import ACTIVATIONS, ActivationName
from training.network import WHITE, Layer, Network, build
from training.recipe import Recipe

OWN = ("seed", "learning_rate", "momentum", "weight_decay")
"""The settings in which members may differ."""

_SHARED = (
    "recipe",
    "hidden_layers",
    "width",
    "activation",
    "initialization",
    "loss",
    "optimizer",
    "schedule",
    "warmup_fraction",
    "batch_size",
    "epochs",
    "validation_size",
)


def require_trainable(recipe: Recipe) -> None:
    """Raise ValueError where a recipe asks for what a population cannot do."""
    for name, field in Recipe.model_fields.items():
        value = getattr(recipe, name)
        if name not in (*OWN, *_SHARED) and value != field.default:
            raise ValueError(
                f"--{name.replace('_', '-')} is {value}, but a population is trained with "
                f"{field.default}: use python -m training for it"
            )


def require_alike(recipes: Sequence[Recipe]) -> None:
    """Raise ValueError where members differ in more than they may."""
    for recipe in recipes:
        require_trainable(recipe)
        for name in _SHARED:
            if getattr(recipe, name) != getattr(recipes[0], name):
                raise ValueError(
                    f"members have {name} {getattr(recipes[0], name)} and {getattr(recipe, name)}: "
                    f"they may differ in {', '.join(OWN)}"
                )


class Population:
    """K networks of the same sizes and activation; row k of `parameters` [K, P] is one of them."""

    def __init__(
        self, sizes: Sequence[int], activation: ActivationName, parameters: Tensor
    ) -> None:
        """Use the matrix `parameters`, whose rows are laid out as those of a Network."""
        self.sizes = tuple(sizes)
        self.activation: ActivationName = activation
        self.parameters = parameters
        self.layers = self.views(parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def views(self, matrix: Tensor) -> list[Layer]:
        """Weights [K, outputs, inputs] and biases [K, outputs] in such a matrix."""
        layers, start = [], 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            bias = start + fan_in * fan_out
            end = bias + fan_out
            weight = matrix[:, start:bias].view(len(matrix), fan_out, fan_in)
            layers.append(Layer(weight, matrix[:, bias:end]))
            start = end
        return layers

    def member(self, index: int) -> Network:
        """A copy of one network."""
        return Network(self.sizes, self.activation, self.parameters[index].clone())

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits [K, 10, N] of images uint8 [N, 28, 28]; every member sees the same."""
        *hidden, last = self.layers
        activate = ACTIVATIONS[self.activation].apply
        values = (pixels.flatten(1).to(self.parameters.dtype) / WHITE).expand(len(self), -1, -1)
        for layer in hidden:
            values = torch.baddbmm(layer.bias.unsqueeze(1), values, layer.weight.mT)
            activate(values, values)
        return torch.baddbmm(last.bias.unsqueeze(2), last.weight, values.mT)


def build_population(recipes: Sequence[Recipe], device: torch.device) -> Population:
    """The members that `build` makes of the recipes, each by itself; raises ValueError."""
    require_alike(recipes)
    networks = [build(recipe) for recipe in recipes]
    parameters = torch.stack([network.parameters for network in networks]).to(device)
    return Population(networks[0].sizes, networks[0].activation, parameters)
