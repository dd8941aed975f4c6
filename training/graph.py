"""An ONNX graph under construction, from the pixels to what the model answers.

Graphs are written by hand: PyTorch's exporter puts paths and source lines of this machine into the
file, does not give the same bytes from another folder, and needs another package.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from registry.contract import DIGITS, IMAGE_SIDE, INPUT_NAME, NOT_A_DIGIT_NAME, OUTPUT_NAME
from training.activations import ActivationName
from training.losses import LossName

# Old enough for any onnxruntime of the last two years; new enough for everything used here.
OPSET = 20
IR_VERSION = 10

_OPERATORS: dict[ActivationName, str] = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "Gelu",
}


class Graph:
    """Nodes and constants, in the order in which they were added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str,
        **attributes: Any,  # noqa: ANN401 - as ONNX defines them
    ) -> str:
        """Add an operator, and return the name of its output."""
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray[np.generic], name: str) -> str:
        """Add a constant, and return its name."""
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def activation(self, name: ActivationName, values: str, output: str) -> str:
        """Add an activation function, and return the name of its output."""
        return self.node(_OPERATORS[name], [values], output)

    def answers(self, logits: str, loss: LossName, level: float) -> None:
        """From logits to the outputs of the contract.

        See Loss.log_probabilities for what logits mean, and losses.not_a_digit for `level`.
        """
        if loss == "binary_cross_entropy":
            # ln sigmoid(z) = −softplus(−z)
            negated = self.node("Neg", [logits], "negated")
            logits = self.node("Neg", [self.node("Softplus", [negated], "softplus")], "meant")
        axis = self.constant(np.array([1], np.int64), "classes_axis")
        at = self.constant(np.array(level, np.float32), "level")
        self.node("Softmax", [logits], OUTPUT_NAME, axis=1)
        digit = self.node("ReduceLogSumExp", [logits, axis], "digit", keepdims=0)
        self.node("Sigmoid", [self.node("Sub", [at, digit], "no_digit")], NOT_A_DIGIT_NAME)

    def serialize(self) -> bytes:
        """The checked graph as a file; the same graph gives the same bytes."""
        pixels = helper.make_tensor_value_info(
            INPUT_NAME, TensorProto.UINT8, ["N", IMAGE_SIDE, IMAGE_SIDE]
        )
        outputs = [
            helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", DIGITS]),
            helper.make_tensor_value_info(NOT_A_DIGIT_NAME, TensorProto.FLOAT, ["N"]),
        ]
        model = helper.make_model(
            helper.make_graph(
                self._nodes, "multilayer_perceptron", [pixels], outputs, self._constants
            ),
            producer_name="ziffer",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model, full_check=True)
        serialized: bytes = model.SerializeToString(deterministic=True)
        return serialized
