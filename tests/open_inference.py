"""Requests of the Open Inference Protocol, as clients write them."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.test import TestResponse

INFER = "/v2/models/digits/infer"
LENGTH = "Inference-Header-Content-Length"


def document(images: NDArray[np.uint8], **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A request about `images` [N, 784] or [N, 28, 28], flat JSON; `changes` are of its input."""
    tensor = {"name": "pixels", "shape": list(images.shape), "datatype": "UINT8"}
    return {"inputs": [tensor | {"data": images.ravel().tolist()} | changes]}


def binary(images: NDArray[np.uint8], **members: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401
    """Body and headers of a request about `images`, which follow the JSON as bytes."""
    request = document(images, parameters={"binary_data_size": images.nbytes}) | members
    del request["inputs"][0]["data"]
    text = json.dumps(request).encode()
    return text + images.tobytes(), {LENGTH: str(len(text))}


def outputs_of(answer: TestResponse) -> dict[str, NDArray[Any]]:
    """The tensors of an answer, from JSON or from bytes, in the shapes it says."""
    length = int(answer.headers.get(LENGTH, len(answer.data)))
    body, content = json.loads(answer.data[:length]), answer.data[length:]
    tensors = {}
    for output in body["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.array(output["data"], object if output["datatype"] == "BYTES" else "<f4")
        else:
            values = _decoded(output["datatype"], content[:size])
            content = content[size:]
        tensors[output["name"]] = values.reshape(output["shape"])
    assert content == b""
    return tensors


def _decoded(datatype: str, content: bytes) -> NDArray[Any]:
    if datatype == "FP32":
        return np.frombuffer(content, "<f4")
    strings = []
    while content:
        (length,) = struct.unpack_from("<I", content)
        strings.append(content[4 : 4 + length].decode())
        content = content[4 + length :]
    return np.array(strings, object)
