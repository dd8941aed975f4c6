"""Tell from the gradients whether every layer learns.

In a deep network of saturating units the error shrinks from layer to layer on its way back
(Hochreiter, 1991; Bengio, Simard and Frasconi, 1994): the first layers hardly move, and the network
is no better than its last layers on random features. Or it grows, and the training diverges.
"""

from collections.abc import Sequence

from torch import Tensor

from training.network import Layer

_VANISHED = 1e-3
_EXPLODED = 1e3


def gradient_sizes(gradients: Sequence[Layer]) -> list[float]:
    """Root mean square of the gradient of each layer's weights, from input to output.

    Not the norm: layers of different sizes are to be compared.
    """
    return [_root_mean_square(layer.weight) for layer in gradients]


def warnings(sizes: Sequence[float]) -> dict[int, str]:
    """What is wrong with the layers whose gradients have these sizes, in words; often nothing.

    By the number of the layer, from 1.
    """
    layers = {number: f"layer {number} of {len(sizes)}" for number in range(1, len(sizes) + 1)}
    found = {
        number: _complaint(layers[number], size, sizes[-1]) for number, size in enumerate(sizes, 1)
    }
    return {number: text for number, text in found.items() if text}


def _complaint(layer: str, size: float, last: float) -> str:
    if size == 0:
        return (
            f"{layer} has stopped learning: its gradient is zero; a smaller learning rate or "
            "another initialization may keep its units alive"
        )
    if size < _VANISHED * last:
        return (
            f"{layer} hardly learns: its gradient is {size / last:.0e} of the last layer's "
            "(vanishing gradients); try relu, fewer layers or another initialization"
        )
    if size > _EXPLODED * last > 0:
        return (
            f"the gradient of {layer} is {size / last:.0e} times the last layer's (exploding "
            "gradients); try a smaller learning rate or initial weights"
        )
    return ""


def _root_mean_square(values: Tensor) -> float:
    return values.double().square().mean().sqrt().item()
