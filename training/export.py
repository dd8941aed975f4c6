"""Write the trained network as ONNX, and prove that it computes the same."""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from registry.contract import DIGITS, IMAGE_SIDE, INPUT_NAME, OUTPUT_NAME
from training.activations import ActivationName
from training.evaluate import predict
from training.losses import LOSSES, LossName
from training.network import WHITE, Network
from training.train import TrainingError

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


def to_onnx(network: Network, loss: LossName) -> bytes:
    """The network as one ONNX file: uint8 [N, 28, 28] in, float32 [N, 10] probabilities out.

    `loss` is what it was trained with, which decides what its logits mean.

    The graph is written by hand, for three reasons: PyTorch's exporter puts paths and source lines
    of this machine into the file, does not give the same bytes from another folder, and needs
    another package. The weights are exactly the trained ones: the first layer's product is scaled
    by 1/255, not its weights.
    """
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["as_float"], ["hidden_0"]),
    ]
    initializers = []
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
    """From logits to probabilities; see Loss.log_probabilities."""
    if loss != "binary_cross_entropy":
        return [helper.make_node("Softmax", ["logits"], [OUTPUT_NAME], axis=1)]
    return [
        # ln sigmoid(z) = −softplus(−z)
        helper.make_node("Neg", ["logits"], ["negated"]),
        helper.make_node("Softplus", ["negated"], ["softplus"]),
        helper.make_node("Neg", ["softplus"], ["log_probabilities"]),
        helper.make_node("Softmax", ["log_probabilities"], [OUTPUT_NAME], axis=1),
    ]


def check_parity(
    onnx_file: bytes, network: Network, loss: LossName, images: NDArray[np.uint8]
) -> float:
    """Compare the exported file with the network, computed in float64, over `images`.

    `images` are uint8 [N, 28, 28]. Returns the largest difference of a probability. Raises
    TrainingError where it exceeds PARITY_TOLERANCE and cannot be the rounding of float32 either,
    or where an image would be given another digit.
    """
    exact = _probabilities(network.to(torch.float64), loss, images)
    exported = predict(onnx_file, images)
    difference = float(np.abs(exported - exact).max())
    rounding = float(np.abs(_probabilities(network, loss, images) - exact).max())
    allowed = max(PARITY_TOLERANCE, _ROUNDING_ALLOWANCE * rounding)
    changed = int((exported.argmax(1) != exact.argmax(1)).sum())
    if not difference <= allowed or changed:  # So that NaN is refused, too.
        raise TrainingError(
            f"the exported model differs from the trained one by up to {difference:.2e} "
            f"(allowed: {allowed:.2e}) and in {changed} of {len(images)} digits"
        )
    return difference


def _serialize(nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "multilayer_perceptron",
        [
            helper.make_tensor_value_info(
                INPUT_NAME, TensorProto.UINT8, ["N", IMAGE_SIDE, IMAGE_SIDE]
            )
        ],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", DIGITS])],
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


def _probabilities(
    network: Network, loss: LossName, images: NDArray[np.uint8]
) -> NDArray[np.float64]:
    logits = network.logits(torch.tensor(images))
    probabilities: NDArray[np.float64] = (
        LOSSES[loss].log_probabilities(logits).softmax(1).double().numpy()
    )
    return probabilities
