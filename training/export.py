"""Write the trained network as ONNX, and prove that it computes the same."""

import copy

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from registry.contract import DIGITS, IMAGE_SIDE, INPUT_NAME, OUTPUT_NAME
from training.evaluate import predict
from training.model import WHITE, MultilayerPerceptron
from training.train import TrainingError

# Old enough for any onnxruntime of the last two years; new enough for everything used here.
OPSET = 20
IR_VERSION = 10

PARITY_TOLERANCE = 2e-6
"""Largest difference of a probability between PyTorch and onnxruntime that counts as equal."""


def to_onnx(model: MultilayerPerceptron) -> bytes:
    """The network as one ONNX file: uint8 [N, 28, 28] in, float32 [N, 10] probabilities out.

    The graph is written by hand, for three reasons: PyTorch's exporter puts paths and source lines
    of this machine into the file, does not give the same bytes from another folder, and needs
    another package. The scaling by 1/255 is folded into the first layer's weights.
    """
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["as_float"], ["hidden_0"]),
    ]
    initializers = []
    last = len(model.linear_layers()) - 1
    for index, (weight, bias) in enumerate(_parameters(model)):
        names = [f"weight_{index}", f"bias_{index}"]
        initializers += [
            numpy_helper.from_array(values.astype(np.float32), name)
            for values, name in zip((weight, bias), names, strict=True)
        ]
        output = "logits" if index == last else f"sum_{index}"
        nodes.append(helper.make_node("Gemm", [f"hidden_{index}", *names], [output], transB=1))
        if index < last:
            nodes.append(helper.make_node("Relu", [output], [f"hidden_{index + 1}"]))
    nodes.append(helper.make_node("Softmax", ["logits"], [OUTPUT_NAME], axis=1))
    return _serialize(nodes, initializers)


def check_parity(onnx_file: bytes, model: MultilayerPerceptron, images: NDArray[np.uint8]) -> float:
    """Compare the exported file with the network in float64, over `images` uint8 [N, 28, 28].

    Returns the largest difference of a probability. Raises TrainingError where it exceeds
    PARITY_TOLERANCE or where an image would be given another digit.
    """
    exported = predict(onnx_file, images)
    reference = _reference_probabilities(model, images)
    difference = float(np.abs(exported - reference).max())
    changed = int((exported.argmax(1) != reference.argmax(1)).sum())
    if difference > PARITY_TOLERANCE or changed:
        raise TrainingError(
            f"the exported model differs from the trained one by up to {difference:.2e} "
            f"(allowed: {PARITY_TOLERANCE:.0e}) and in {changed} of {len(images)} digits"
        )
    return difference


def _parameters(
    model: MultilayerPerceptron,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Weights and biases of each layer, the first with the scaling of pixels folded in."""
    parameters = [
        (layer.weight.detach().cpu().double().numpy(), layer.bias.detach().cpu().double().numpy())
        for layer in model.linear_layers()
    ]
    weight, bias = parameters[0]
    return [(weight / WHITE, bias), *parameters[1:]]


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


@torch.no_grad()
def _reference_probabilities(
    model: MultilayerPerceptron, images: NDArray[np.uint8]
) -> NDArray[np.float64]:
    widened = copy.deepcopy(model).double()
    probabilities: NDArray[np.float64] = widened(torch.tensor(images)).softmax(1).numpy()
    return probabilities
