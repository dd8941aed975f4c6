"""What the service says of itself and of its model, in the protocol's words and in Triton's."""

from collections.abc import Sequence
from typing import Any

from registry.card import ModelCard, TensorSpec
from registry.contract import SIGNATURE

RELEASE = "0.1.0"
"""As pyproject.toml has it, which the image does not."""

EXTENSIONS = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
]

_DATATYPES = {"uint8": "UINT8", "float32": "FP32"}

Document = dict[str, Any]


def server_document() -> Document:
    """The server metadata."""
    return {"name": "ziffer", "version": RELEASE, "extensions": EXTENSIONS}


def model_document(card: ModelCard, versions: Sequence[int]) -> Document:
    """The model metadata of one version, with all that can be asked for by number."""
    return {
        "name": card.name,
        "versions": [str(version) for version in versions],
        "platform": "onnx_onnxv1",
        "inputs": [_tensor(tensor) for tensor in SIGNATURE.inputs],
        "outputs": [_tensor(tensor) for tensor in given_outputs(card)],
    }


def config_document(card: ModelCard, *, max_batch: int) -> Document:
    """Triton's model configuration: shapes are without the batch, which pytriton relies on."""
    return {
        "name": card.name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": max_batch,
        "input": [_batched_tensor(tensor) for tensor in SIGNATURE.inputs],
        "output": [_batched_tensor(tensor) for tensor in given_outputs(card)],
    }


def given_outputs(card: ModelCard) -> list[TensorSpec]:
    """The outputs of this version: models were registered before they said what is no digit."""
    names = {output.name for output in card.signature.outputs}
    return [output for output in SIGNATURE.outputs if output.name in names]


def _tensor(tensor: TensorSpec) -> Document:
    shape = [-1 if isinstance(length, str) else length for length in tensor.shape]
    return {"name": tensor.name, "datatype": _DATATYPES[tensor.dtype], "shape": shape}


def _batched_tensor(tensor: TensorSpec) -> Document:
    return {
        "name": tensor.name,
        "data_type": f"TYPE_{_DATATYPES[tensor.dtype]}",
        # Triton's clients ask for at least one dimension, though one number has none.
        "dims": list(tensor.shape[1:]) or [1],
    }
