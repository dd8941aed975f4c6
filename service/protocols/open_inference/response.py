"""The answer to an inference request: probabilities in, JSON and bytes out."""

from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from registry.contract import NOT_A_DIGIT_NAME, OUTPUT_NAME
from service.classifier import Classifier, Reading
from service.protocols.open_inference.classification import encode_strings, likeliest
from service.protocols.open_inference.request import InferenceRequest, RequestedOutput


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
    request: InferenceRequest, reading: Reading, classifier: Classifier
) -> InferenceResponse:
    """What `classifier` says, in the form that was asked for."""
    tensors = [_tensor(output, reading) for output in request.outputs]
    document = orjson.dumps(
        {
            **({} if request.id is None else {"id": request.id}),
            "model_name": classifier.card.name,
            "model_version": str(classifier.card.version),
            "parameters": {"model_digest": classifier.digest},
            "outputs": [tensor.document for tensor in tensors],
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
    contents = [tensor.content for tensor in tensors if tensor.content is not None]
    if not contents:
        return InferenceResponse(document, None)
    return InferenceResponse(b"".join([document, *contents]), len(document))


def _tensor(output: RequestedOutput, reading: Reading) -> _Tensor:
    if output.classes is not None:
        return _classes(output, output.classes, reading.probabilities)
    values = {OUTPUT_NAME: reading.probabilities, NOT_A_DIGIT_NAME: reading.not_a_digit}
    numbers = values[output.name]
    assert numbers is not None  # noqa: S101 - a model is not offered for what it does not give
    document: dict[str, Any] = {
        "name": output.name,
        "datatype": "FP32",
        "shape": numbers.shape,
    }
    if output.is_binary:
        document["parameters"] = {"binary_data_size": numbers.nbytes}
        return _Tensor(document, numbers.data)
    document["data"] = numbers.ravel()
    return _Tensor(document, None)


def _classes(output: RequestedOutput, count: int, probabilities: NDArray[np.float32]) -> _Tensor:
    strings = likeliest(probabilities, count)
    shape = [len(probabilities), count]
    document: dict[str, Any] = {"name": output.name, "datatype": "BYTES", "shape": shape}
    if output.is_binary:
        content = encode_strings(strings)
        document["parameters"] = {"binary_data_size": len(content)}
        return _Tensor(document, content)
    document["data"] = strings
    return _Tensor(document, None)
