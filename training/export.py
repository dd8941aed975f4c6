"""Write the trained network as ONNX, and prove that it computes the same."""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from registry.contract import DIGITS, IMAGE_SIDE, INPUT_NAME, NOT_A_DIGIT_NAME, OUTPUT_NAME
from training.activations import ActivationName
from training.errors import TrainingError
from training.evaluate import Answers, answer
from training.losses import LOSSES, LossName, not_a_digit
from training.network import WHITE, Network

# Old enough for any onnxruntime of the last two years; new enough for everything used here.
OPSET = 20
IR_VERSION = 10

_OPERATORS: dict[ActivationName, str] = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "Gelu",
}

PARITY_TOLERANCE = 2e-6
"""Difference of a probability between the exported and the exact network that needs no excuse."""

# PyTorch's own float32 differs from the exact result by up to 3e-6 for some networks. An export
# that rounds in another order may be as far off on the other side.
_ROUNDING_ALLOWANCE = 2.0


def to_onnx(network: Network, loss: LossName, level: float = 0.0) -> bytes:
    """The network as one ONNX file, with the inputs and outputs of the pixel contract.

    `loss` is what it was trained with, which decides what its logits mean; `level` is where their
    level tells a digit from something else (see `not_a_digit`).

    The graph is written by hand, for three reasons: PyTorch's exporter puts paths and source lines
    of this machine into the file, does not give the same bytes from another folder, and needs
    another package. The weights are exactly the trained ones: the first layer's product is scaled
    by 1/255, not its weights.
    """
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["as_float"], ["hidden_0"]),
    ]
    initializers = [
        numpy_helper.from_array(np.array(level, np.float32), "level"),
        numpy_helper.from_array(np.array([1], np.int64), "classes_axis"),
    ]
    layers = network.layers
    last = len(layers) - 1
    for index, layer in enumerate(layers):
        names = [f"weight_{index}", f"bias_{index}"]
        initializers += [
            numpy_helper.from_array(values.cpu().numpy(), name)
            for values, name in zip((layer.weight, layer.bias), names, strict=True)
        ]
        output = "logits" if index == last else f"sum_{index}"
        nodes.append(
            helper.make_node(
                "Gemm",
                [f"hidden_{index}", *names],
                [output],
                transB=1,
                alpha=1 / WHITE if index == 0 else 1.0,
            )
        )
        if index < last:
            operator = _OPERATORS[network.activation]
            nodes.append(helper.make_node(operator, [output], [f"hidden_{index + 1}"]))
    nodes += _output_nodes(loss)
    return _serialize(nodes, initializers)


def _output_nodes(loss: LossName) -> list[onnx.NodeProto]:
    """From logits to what the model answers; see Loss.log_probabilities and `not_a_digit`."""
    nodes, meant = [], "logits"
    if loss == "binary_cross_entropy":
        nodes = [
            # ln sigmoid(z) = −softplus(−z)
            helper.make_node("Neg", ["logits"], ["negated"]),
            helper.make_node("Softplus", ["negated"], ["softplus"]),
            helper.make_node("Neg", ["softplus"], ["log_probabilities"]),
        ]
        meant = "log_probabilities"
    return [
        *nodes,
        helper.make_node("Softmax", [meant], [OUTPUT_NAME], axis=1),
        helper.make_node("ReduceLogSumExp", [meant, "classes_axis"], ["digit"], keepdims=0),
        helper.make_node("Sub", ["level", "digit"], ["no_digit"]),
        helper.make_node("Sigmoid", ["no_digit"], [NOT_A_DIGIT_NAME]),
    ]


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


def _serialize(nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "multilayer_perceptron",
        [
            helper.make_tensor_value_info(
                INPUT_NAME, TensorProto.UINT8, ["N", IMAGE_SIDE, IMAGE_SIDE]
            )
        ],
        [
            helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", DIGITS]),
            helper.make_tensor_value_info(NOT_A_DIGIT_NAME, TensorProto.FLOAT, ["N"]),
        ],
        initializers,
    )
    model = helper.make_model(
        graph,
        producer_name="ziffer",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _answers(network: Network, loss: LossName, images: NDArray[np.uint8], level: float) -> Answers:
    meant = LOSSES[loss].log_probabilities(network.logits(torch.tensor(images)))
    return Answers(meant.softmax(1).numpy(), not_a_digit(meant, level).numpy())
