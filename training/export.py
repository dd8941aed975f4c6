"""Write the trained network as ONNX, and prove that it computes the same."""

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from registry.contract import INPUT_NAME
from training.errors import TrainingError
from training.evaluate import Answers, answer
from training.graph import Graph
from training.losses import LOSSES, LossName, not_a_digit
from training.network import WHITE, Network

PARITY_TOLERANCE = 2e-6
"""Difference of a probability between the exported and the exact network that needs no excuse."""

# PyTorch's own float32 differs from the exact result by up to 3e-6 for some networks. An export
# that rounds in another order may be as far off on the other side.
_ROUNDING_ALLOWANCE = 2.0


def to_onnx(network: Network, loss: LossName, level: float = 0.0) -> bytes:
    """The network as one ONNX file, with the input and the outputs of the pixel contract.

    `loss` is what it was trained with, which decides what its logits mean; `level` is where their
    level tells a digit from something else (losses.not_a_digit). The weights are exactly the
    network's: the first layer's product is scaled by 1/255, not its weights.
    """
    graph = Graph()
    values = graph.node("Cast", [INPUT_NAME], "as_float", to=TensorProto.FLOAT)
    values = graph.node("Flatten", [values], "hidden_0")
    for index, layer in enumerate(network.layers):
        weight = graph.constant(layer.weight.cpu().numpy(), f"weight_{index}")
        bias = graph.constant(layer.bias.cpu().numpy(), f"bias_{index}")
        scale = 1 / WHITE if index == 0 else 1.0
        values = graph.node("Gemm", [values, weight, bias], f"sum_{index}", transB=1, alpha=scale)
        if index < len(network.layers) - 1:
            values = graph.activation(network.activation, values, f"hidden_{index + 1}")
    graph.answers(values, loss, level)
    return graph.serialize()


def check_parity(
    onnx_file: bytes,
    network: Network,
    loss: LossName,
    images: NDArray[np.uint8],
    level: float = 0.0,
) -> float:
    """Compare the exported file with the network, computed in float64, over `images`.

    `images` are uint8 [N, 28, 28]. Returns the largest difference of a probability. Raises
    TrainingError where it exceeds PARITY_TOLERANCE and cannot be the rounding of float32 either,
    or where an image would be given another digit.
    """
    exact = _answers(network.to(torch.float64), loss, images, level)
    exported = answer(onnx_file, images)
    difference = _largest_difference(exported, exact)
    rounding = _largest_difference(_answers(network, loss, images, level), exact)
    allowed = max(PARITY_TOLERANCE, _ROUNDING_ALLOWANCE * rounding)
    changed = int((exported.probabilities.argmax(1) != exact.probabilities.argmax(1)).sum())
    if not difference <= allowed or changed:  # So that NaN is refused, too.
        raise TrainingError(
            f"the exported model differs from the trained one by up to {difference:.2e} "
            f"(allowed: {allowed:.2e}) and in {changed} of {len(images)} digits"
        )
    return difference


def _largest_difference(some: Answers, others: Answers) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def _answers(network: Network, loss: LossName, images: NDArray[np.uint8], level: float) -> Answers:
    meant = LOSSES[loss].log_probabilities(network.logits(torch.tensor(images)))
    return Answers(meant.softmax(1).numpy(), not_a_digit(meant, level).numpy())
