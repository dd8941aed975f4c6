"""The inference request, read and checked: bytes and a header in, images and wishes out."""

from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from registry.contract import (
    DIGITS,
    IMAGE_PIXELS,
    IMAGE_SIDE,
    INPUT_NAME,
    NOT_A_DIGIT_NAME,
    OUTPUT_NAME,
)
from service.protocols.open_inference.refusal import MISSING, Location, refusal
from service.protocols.open_inference.tensors import (
    check_batch,
    check_datatype,
    check_shape,
    pixels_from_bytes,
    pixels_from_json,
)

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"
"""Bytes of JSON at the beginning of a body, behind which tensors follow; 0 for a raw body."""

_INPUT: Location = ["inputs", 0]
_OUTPUT_NAMES = [OUTPUT_NAME, NOT_A_DIGIT_NAME]


class RequestedOutput(NamedTuple):
    """One tensor of the answer."""

    name: str
    is_binary: bool = False
    """Behind the JSON instead of in it."""
    classes: int | None = None
    """How many of the likeliest classes to name, instead of giving the numbers."""


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
    json_length: int
    document: dict[str, Any]
    may_hold_booleans: bool


def read_request(content: bytes, json_length: str | None, *, max_batch: int) -> InferenceRequest:
    """The request in the body `content`, which is not compressed any more.

    `json_length` is the header JSON_LENGTH_HEADER. Binary images are not copied. Raises InputError,
    and TooLargeError for more than `max_batch` images.
    """
    length = len(content) if json_length is None else _json_length(json_length, len(content))
    if length == 0 and json_length is not None:
        return _raw_request(content, max_batch)
    body = _read_json(content, length)
    request_id = _member(body.document, "id", str, "a string", [])
    at: Location = ["parameters"]
    is_binary = _flag(_parameters(body.document, []), "binary_data_output", at) or False
    outputs = _outputs(body.document, is_binary=is_binary)
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
            [],
            expected=f"{IMAGE_PIXELS} bytes for each image, as {JSON_LENGTH_HEADER} is 0",
            got=f"{len(content):,} bytes",
            kind="size-mismatch",
        )
    check_batch(images, max_batch)
    pixels = pixels_from_bytes(content, 0, (images, IMAGE_SIDE, IMAGE_SIDE), [])
    return InferenceRequest(None, pixels, [], is_binary=True)


def _read_json(content: bytes, length: int) -> _Body:
    text = content if length == len(content) else content[:length]
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json(error) from None
    if not isinstance(document, dict):
        raise refusal([], expected="a JSON object", got=document, kind="wrong-type")
    return _Body(content, length, document, b"true" in text or b"false" in text)


def _not_json(error: orjson.JSONDecodeError) -> Exception:
    found = error.doc[error.pos : error.pos + 12]
    hints = {"N": "NaN is no number in JSON.", "I": "Infinity is no number in JSON."}
    return refusal(
        [],
        expected=f"JSON, but {error.msg} at line {error.lineno}, column {error.colno}",
        got=found or MISSING,
        kind="malformed-json",
        hint=hints.get(found[:1], ""),
    )


def _member(holder: dict[str, Any], name: str, kind: type, words: str, at: Location) -> Any:  # noqa: ANN401 - any JSON value
    """The member `name` of the object at `at`; None where it is absent, or null."""
    value = holder.get(name)
    if value is not None and type(value) is not kind:  # A bool is an int, but not here.
        raise refusal([*at, name], expected=words, got=value, kind="wrong-type")
    return value


def _parameters(holder: dict[str, Any], at: Location) -> dict[str, Any]:
    """Those that this service does not know are no error: the protocol has many extensions."""
    parameters: dict[str, Any] | None = _member(holder, "parameters", dict, "an object", at)
    return parameters or {}


def _pixels(body: _Body, max_batch: int) -> NDArray[np.uint8]:
    tensor = _only_input(body.document)
    check_datatype(tensor.get("datatype", MISSING), [*_INPUT, "datatype"])
    shape = check_shape(tensor.get("shape", MISSING), [*_INPUT, "shape"], max_batch=max_batch)
    if "binary_data_size" in _parameters(tensor, _INPUT):
        return _binary_pixels(body, tensor, shape)
    if body.json_length < len(body.content):
        raise refusal(
            [*_INPUT, "parameters", "binary_data_size"],
            expected=f"the {len(body.content) - body.json_length:,} bytes that follow the JSON",
            got=MISSING,
            kind="size-mismatch",
        )
    data, at = tensor.get("data", MISSING), [*_INPUT, "data"]
    return pixels_from_json(data, shape, at, may_hold_booleans=body.may_hold_booleans)


def _binary_pixels(
    body: _Body, tensor: dict[str, Any], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    size = tensor["parameters"]["binary_data_size"]
    at: Location = [*_INPUT, "parameters", "binary_data_size"]
    follows = len(body.content) - body.json_length
    if "data" in tensor:
        raise refusal(at, expected="either this or data", got="both", kind="wrong-data")
    if type(size) is not int or size != follows:
        raise refusal(
            at,
            expected=f"{follows:,}, the bytes that follow the JSON by {JSON_LENGTH_HEADER}",
            got=size,
            kind="size-mismatch",
        )
    return pixels_from_bytes(body.content, body.json_length, shape, at)


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


def _outputs(document: dict[str, Any], *, is_binary: bool) -> list[RequestedOutput]:
    entries: list[object] = _member(document, "outputs", list, "a list of outputs", []) or []
    outputs = [
        _output(entry, ["outputs", position], is_binary=is_binary)
        for position, entry in enumerate(entries)
    ]
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        raise refusal(["outputs"], expected="each output once", got=names, kind="wrong-outputs")
    return outputs


def _output(entry: object, at: Location, *, is_binary: bool) -> RequestedOutput:
    if not isinstance(entry, dict):
        raise refusal(at, expected="an object", got=entry, kind="wrong-type")
    name = entry.get("name", MISSING)
    if name not in _OUTPUT_NAMES:
        expected = " or ".join(_OUTPUT_NAMES)
        raise refusal([*at, "name"], expected=expected, got=name, kind="unknown-output")
    parameters = _parameters(entry, at)
    own = _flag(parameters, "binary_data", [*at, "parameters"])
    classes = _classes(parameters, name, [*at, "parameters"])
    return RequestedOutput(name, is_binary if own is None else own, classes)


def _flag(parameters: dict[str, Any], name: str, at: Location) -> bool | None:
    flag: bool | None = _member(parameters, name, bool, "true or false", at)
    return flag


def _classes(parameters: dict[str, Any], output: str, at: Location) -> int | None:
    """As in Triton, asking for more classes than there are gives all of them."""
    words = f"a number of classes, from 1 to {DIGITS}"
    classes: int | None = _member(parameters, "classification", int, words, at)
    if classes is None:
        return None
    if output != OUTPUT_NAME:
        words = f"nothing, as only {OUTPUT_NAME} has classes"
    if classes < 1 or output != OUTPUT_NAME:
        raise refusal([*at, "classification"], expected=words, got=classes, kind="wrong-parameter")
    return min(classes, DIGITS)
