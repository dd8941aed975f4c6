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


def warnings(sizes: Sequence[float]) -> list[str]:
    """What is wrong with the layers whose gradients have these sizes, in words; often nothing."""
    last = sizes[-1]
    found = []
    for number, size in enumerate(sizes, 1):
        if size == 0:
            found.append(
                f"layer {number} of {len(sizes)} has stopped learning: its gradient is zero; "
                "a smaller learning rate or another initialization may keep its units alive"
            )
        elif size < _VANISHED * last:
            found.append(
                f"layer {number} of {len(sizes)} hardly learns: its gradient is {size / last:.0e} "
                "of the last layer's (vanishing gradients); try relu, fewer layers or another "
                "initialization"
            )
        elif size > _EXPLODED * last > 0:
            found.append(
                f"the gradient of layer {number} of {len(sizes)} is {size / last:.0e} times the "
                "last layer's (exploding gradients); try a smaller learning rate or initial weights"
            )
    return found


def _root_mean_square(values: Tensor) -> float:
    return values.double().square().mean().sqrt().item()
