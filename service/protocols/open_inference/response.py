"""The answer to an inference request: probabilities in, JSON and bytes out."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from registry.contract import NOT_A_DIGIT_NAME, OUTPUT_NAME
from service.protocols.open_inference.classification import encode_strings, likeliest
from service.protocols.open_inference.document import refusal
from service.protocols.open_inference.outputs import RequestedOutput
from service.protocols.open_inference.request import InferenceRequest

if TYPE_CHECKING:
    from service.models.classifier import Classifier, Reading


class InferenceResponse(NamedTuple):
    """A body."""

    content: bytes
    json_length: int | None
    """Bytes of JSON in front of the tensors; None where all of it is JSON."""


class _Tensor(NamedTuple):
    document: dict[str, Any]
    content: bytes | memoryview | None
    """What follows the JSON, if anything does."""


def write_response(
    request: InferenceRequest, reading: "Reading", classifier: "Classifier"
) -> InferenceResponse:
    """What `classifier` says, in the form that was asked for.

    Raises InputError where an output was asked for that this version of the model has not.
    """
    tensors = _tensors(request, reading)
    document = {
        "model_name": classifier.card.name,
        "model_version": str(classifier.card.version),
        "parameters": {"model_digest": classifier.digest},
        "outputs": [tensor.document for tensor in tensors],
    }
    if request.id is not None:
        document["id"] = request.id
    text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    contents = [tensor.content for tensor in tensors if tensor.content is not None]
    if not contents:
        return InferenceResponse(text, None)
    return InferenceResponse(b"".join([text, *contents]), len(text))


def _tensors(request: InferenceRequest, reading: "Reading") -> list[_Tensor]:
    given = {OUTPUT_NAME: reading.probabilities}
    if reading.not_a_digit is not None:
        given[NOT_A_DIGIT_NAME] = reading.not_a_digit
    outputs = request.outputs or [RequestedOutput(name, request.is_binary) for name in given]
    for position, output in enumerate(outputs):
        if output.name not in given:
            raise refusal(
                ["outputs", position, "name"],
                expected=f"{OUTPUT_NAME}, which is all that this version gives",
                got=output.name,
                kind="unknown-output",
            )
    return [_tensor(output, given[output.name]) for output in outputs]


def _tensor(output: RequestedOutput, numbers: NDArray[np.float32]) -> _Tensor:
    if output.classes is not None:
        strings = likeliest(numbers, output.classes)
        shape = (len(numbers), output.classes)
        content: bytes | memoryview = encode_strings(strings) if output.is_binary else b""
        return _described(output, "BYTES", shape, strings, content)
    return _described(output, "FP32", numbers.shape, numbers.ravel(), numbers.data)


def _described(
    output: RequestedOutput,
    datatype: str,
    shape: tuple[int, ...],
    data: list[str] | NDArray[np.float32],
    content: bytes | memoryview,
) -> _Tensor:
    document: dict[str, Any] = {"name": output.name, "datatype": datatype, "shape": shape}
    if not output.is_binary:
        document["data"] = data
        return _Tensor(document, None)
    document["parameters"] = {"binary_data_size": memoryview(content).nbytes}
    return _Tensor(document, content)
