"""The model in eight bits: a quarter of the bytes, and fewer of them to move for each image.

Static quantization in ONNX's QDQ form (Jacob et al., 2018): weights are int8, symmetric, with a
scale for each unit; activations are uint8, with the range that was seen on images. The input is
uint8 already, so nothing is lost there. onnxruntime fuses each dequantization, product and
quantization into one operator on integers.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from registry.contract import INPUT_NAME
from training.graph import Graph
from training.losses import LossName
from training.network import WHITE, Layer, Network

_INT8_MAX = 127
_UINT8_MAX = 255
_INT32_ROOM = 2.0**30


def to_int8_onnx(
    network: Network, loss: LossName, images: NDArray[np.uint8], level: float = 0.0
) -> bytes:
    """The network as one ONNX file in eight bits, with the input and outputs of the contract.

    `images` uint8 [N, 28, 28] show which values the hidden units take; a thousand are enough. The
    rest is as for export.to_onnx.
    """
    graph = Graph()
    inputs = network.inputs(torch.tensor(images))
    values = graph.node("Flatten", [INPUT_NAME], "quantized_0")
    # A pixel is its own quantization, with the scale that the network gives it.
    scale, zero = np.float32(1 / WHITE), np.uint8(0)
    for index, layer in enumerate(network.layers):
        values = _dequantized(graph, values, scale, zero, f"hidden_{index}")
        values = _product(graph, values, layer, scale, index)
        if index < len(network.layers) - 1:
            values = graph.activation(network.activation, values, f"active_{index + 1}")
            scale, zero = _range(inputs[index + 1].numpy())
            values = _quantized(graph, values, scale, zero, f"quantized_{index + 1}")
    graph.answers(values, loss, level)
    return graph.serialize()


def _product(graph: Graph, values: str, layer: Layer, scale: np.float32, index: int) -> str:
    """A layer whose weights are int8 and whose biases are int32, in units of the products."""
    weight, bias = layer.weight.numpy(), layer.bias.numpy()
    # Of a unit with next to no weights, the bias sets the scale: it must fit into an int32.
    scales = np.maximum(np.abs(weight).max(1) / _INT8_MAX, np.abs(bias) / (scale * _INT32_ROOM))
    scales = np.maximum(scales, np.finfo(np.float32).tiny).astype(np.float32)
    whole = np.rint(weight / scales[:, None]).astype(np.int8)
    weights = _dequantized(
        graph,
        graph.constant(whole, f"weight_{index}"),
        scales,
        np.zeros_like(scales, np.int8),
        f"weights_{index}",
    )
    unit = (scale * scales).astype(np.float32)
    biases = np.rint(bias / unit).astype(np.int32)
    added = _dequantized(
        graph,
        graph.constant(biases, f"bias_{index}"),
        unit,
        np.zeros_like(biases),
        f"biases_{index}",
    )
    return graph.node("Gemm", [values, weights, added], f"sum_{index}", transB=1)


def _dequantized(
    graph: Graph,
    values: str,
    scale: NDArray[np.float32] | np.float32,
    zero: NDArray[np.generic] | np.generic,
    output: str,
) -> str:
    constants = [
        graph.constant(np.asarray(scale), f"{output}_scale"),
        graph.constant(np.asarray(zero), f"{output}_zero"),
    ]
    return graph.node("DequantizeLinear", [values, *constants], output, axis=0)


def _quantized(graph: Graph, values: str, scale: np.float32, zero: np.uint8, output: str) -> str:
    constants = [
        graph.constant(np.asarray(scale), f"{output}_scale"),
        graph.constant(np.asarray(zero), f"{output}_zero"),
    ]
    return graph.node("QuantizeLinear", [values, *constants], output)


def _range(values: NDArray[np.float32]) -> tuple[np.float32, np.uint8]:
    """The scale and the zero point that map the range of `values` to uint8; zero stays exact."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = max(high - low, float(np.finfo(np.float32).tiny)) / _UINT8_MAX
    return np.float32(scale), np.uint8(round(-low / scale))
