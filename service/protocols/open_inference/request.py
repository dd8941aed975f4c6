"""The inference request, read and checked: bytes and a header in, images and wishes out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE, INPUT_NAME
from service.http import parse_json
from service.pixels import Place
from service.protocols.open_inference.document import (
    MISSING,
    member,
    parameters_of,
    refusal,
)
from service.protocols.open_inference.outputs import RequestedOutput, read_outputs
from service.protocols.open_inference.tensors import (
    check_batch,
    check_datatype,
    check_shape,
    pixels_from_bytes,
    pixels_from_json,
)

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"
"""Bytes of JSON at the beginning of a body, behind which tensors follow; 0 for a raw body."""

_INPUT: Place = ["inputs", 0]


class InferenceRequest(NamedTuple):
    """What a client asks for."""

    id: str | None
    pixels: NDArray[np.uint8]
    """N images uint8 [N, 28, 28], white ink on black."""
    outputs: list[RequestedOutput]
    """What was named; where nothing was, every output that the model has is meant."""
    is_binary: bool
    """The form of outputs that were not named."""


class _Body(NamedTuple):
    content: bytes
    text: bytes
    """The JSON at its beginning."""
    document: dict[str, Any]

    @property
    def tensor_bytes(self) -> int:
        """How many bytes follow the JSON."""
        return len(self.content) - len(self.text)


def read_request(content: bytes, json_length: str | None, *, max_batch: int) -> InferenceRequest:
    """The request in the body `content`, which is not compressed any more.

    `json_length` is the header JSON_LENGTH_HEADER. Binary images are not copied. Raises InputError,
    and TooLargeError for more than `max_batch` images.
    """
    length = len(content) if json_length is None else _json_length(json_length, len(content))
    if length == 0 and json_length is not None:
        return _raw_request(content, max_batch)
    body = _read_json(content, length)
    request_id = member(body.document, "id", str, "a string", [])
    outputs, is_binary = read_outputs(body.document)
    return InferenceRequest(request_id, _pixels(body, max_batch), outputs, is_binary)


def _json_length(header: str, body_length: int) -> int:
    is_number = header.isascii() and header.isdigit() and len(header) < 20
    if not is_number or int(header) > body_length:
        raise refusal(
            ["headers", JSON_LENGTH_HEADER],
            expected=f"a number of bytes up to the {body_length:,} of the uncompressed body",
            got=header,
            kind="bad-header",
        )
    return int(header)


def _raw_request(content: bytes, max_batch: int) -> InferenceRequest:
    """Nothing but pixels: as many images as they are, and binary answers."""
    images, rest = divmod(len(content), IMAGE_PIXELS)
    if rest or not images:
        raise refusal(
            ["body"],
            expected=f"a multiple of {IMAGE_PIXELS} bytes, as {JSON_LENGTH_HEADER} is 0",
            got=len(content),
            kind="size-mismatch",
        )
    check_batch(images, max_batch)
    pixels = pixels_from_bytes(content, 0, (images, IMAGE_SIDE, IMAGE_SIDE), [])
    return InferenceRequest(None, pixels, [], is_binary=True)


def _read_json(content: bytes, length: int) -> _Body:
    text = content if length == len(content) else content[:length]
    document = parse_json(text)
    if not isinstance(document, dict):
        raise refusal([], expected="an object", got=document, kind="wrong-type")
    return _Body(content, text, document)


def _pixels(body: _Body, max_batch: int) -> NDArray[np.uint8]:
    tensor = _only_input(body.document)
    check_datatype(tensor.get("datatype", MISSING), [*_INPUT, "datatype"])
    shape = check_shape(tensor.get("shape", MISSING), [*_INPUT, "shape"], max_batch=max_batch)
    if "binary_data_size" in parameters_of(tensor, _INPUT):
        return _binary_pixels(body, tensor, shape)
    if body.tensor_bytes:
        raise refusal(
            [*_INPUT, "parameters", "binary_data_size"],
            expected=f"{body.tensor_bytes}, as that many bytes follow the JSON",
            got=MISSING,
            kind="size-mismatch",
        )
    return pixels_from_json(tensor.get("data", MISSING), shape, [*_INPUT, "data"], body.text)


def _binary_pixels(
    body: _Body, tensor: dict[str, Any], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    at: Place = [*_INPUT, "parameters", "binary_data_size"]
    size = tensor["parameters"]["binary_data_size"]
    if "data" in tensor:
        raise refusal(at, expected="nothing, as there is data", got=size, kind="wrong-data")
    if type(size) is not int or size != body.tensor_bytes:
        words = f"{body.tensor_bytes}, as by {JSON_LENGTH_HEADER} that many bytes follow the JSON"
        raise refusal(at, expected=words, got=size, kind="size-mismatch")
    return pixels_from_bytes(body.content, len(body.text), shape, at)


def _only_input(document: dict[str, Any]) -> dict[str, Any]:
    inputs = document.get("inputs", MISSING)
    expected = f"one input, named {INPUT_NAME}"
    if not isinstance(inputs, list) or len(inputs) != 1:
        raise refusal(["inputs"], expected=expected, got=inputs, kind="wrong-inputs")
    (tensor,) = inputs
    if not isinstance(tensor, dict):
        raise refusal(_INPUT, expected="an object", got=tensor, kind="wrong-type")
    name = tensor.get("name", MISSING)
    if name != INPUT_NAME:
        raise refusal([*_INPUT, "name"], expected=INPUT_NAME, got=name, kind="unknown-input")
    return tensor
