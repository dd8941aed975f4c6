"""Leave out the pixels that are black in every training image.

The gradient of their weights is exactly zero, so where nothing else moves these weights they stay
as they were drawn, and the first layer's products, which are most of the work, can do without them.
In MNIST that is one pixel in twelve.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from registry.contract import IMAGE_PIXELS
from training.network import Network
from training.recipe import Recipe

# Float32 numbers in a cache line: rows that do not begin with one cost what leaving out gains.
_MULTIPLE = 16


def used_pixels(recipe: Recipe, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels [784] of the images uint8 [N, 28, 28] must be seen, in the order of rows."""
    if recipe.weight_decay or recipe.augmentation != "none":
        return np.ones(IMAGE_PIXELS, np.bool_)
    used: NDArray[np.bool_] = images.any(0).ravel()
    count = _MULTIPLE * max(1, math.ceil(used.sum() / _MULTIPLE))
    used[np.flatnonzero(~used)[: count - used.sum()]] = True
    return used


def restricted(network: Network, pixels: Tensor) -> Network:
    """A copy that has only the inputs whose numbers int64 [n] are in `pixels`."""
    weight = network.layers[0].weight
    parameters = torch.cat([weight[:, pixels].flatten(), network.parameters[weight.numel() :]])
    return Network([len(pixels), *network.sizes[1:]], network.activation, parameters)


def write_back(small: Network, pixels: Tensor, network: Network) -> None:
    """Give `network` the parameters of `small`, which is `network` restricted to `pixels`."""
    weight = small.layers[0].weight
    network.layers[0].weight[:, pixels] = weight
    network.parameters[network.layers[0].weight.numel() :] = small.parameters[weight.numel() :]
