"""SageMaker's containers: real-time, serverless and batch inference.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import orjson
from flask import Blueprint, current_app, request
from numpy.typing import NDArray

from service.arrays import images_of_bytes, images_of_csv, images_of_npy, images_of_npz
from service.errors import InputError, UnsupportedTypeError
from service.http import JSON, Answer, json_answer, media_type, parse_json, read_body
from service.inference import Inference, Stages, infer
from service.protocols.health import ready
from service.protocols.instances import check_batch, predictions, read_images, read_instances
from service.protocols.predict import image_from_file

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

routes = Blueprint("sagemaker", __name__)

CSV = "text/csv"
JSON_LINES = "application/jsonlines"

routes.get("/ping")(ready)


@routes.get("/execution-parameters")
def execution_parameters() -> Answer:
    """How a batch transform should send its records."""
    settings = current_app.extensions["settings"]
    return json_answer(
        {
            "MaxConcurrentTransforms": settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": max(1, settings.max_body_bytes // 1_000_000),
        }
    )


@routes.post("/endpoints/<name>/invocations")
def invoke_endpoint(name: str) -> Answer:
    """As `/invocations`, where boto3's sagemaker-runtime looks for it."""
    answer = invocations()
    alias = current_app.extensions["settings"].registry.alias
    answer.headers = [*answer.headers, ("x-Amzn-Invoked-Production-Variant", alias)]
    return answer


@routes.post("/invocations")
def invocations() -> Answer:
    """Read the images in any of the forms that SageMaker's clients send."""
    stages = Stages()
    environ = request.environ
    form = _accepted(environ)
    pixels = _images(media_type(environ), read_body(environ))
    check_batch(len(pixels))
    stages.end("decode")
    inference = infer(pixels, stages, environ)
    return _FORMS[form](inference)


def _images(mimetype: str, body: bytes) -> NDArray[np.uint8]:
    if mimetype.startswith("image/"):
        return image_from_file(body)
    if mimetype not in _READERS:
        known = ", ".join([*filter(None, _READERS), "image/*"])
        raise UnsupportedTypeError(
            f"Content-Type {mimetype} is not supported: send one of {known}."
        )
    return _READERS[mimetype](body)


def _from_lines(body: bytes) -> NDArray[np.uint8]:
    """One instance a line."""
    lines = [line for line in body.splitlines() if line.strip()]
    check_batch(len(lines))
    if not lines:
        raise InputError("The body has no line.")
    return np.concatenate(
        [
            read_images([parse_json(line)], [f"line {number}"], line)
            for number, line in enumerate(lines, 1)
        ]
    )


def _from_npz(body: bytes) -> NDArray[np.uint8]:
    return images_of_npz(body, limit=current_app.extensions["settings"].max_body_bytes)


_READERS: dict[str, Callable[[bytes], NDArray[np.uint8]]] = {
    "": read_instances,
    JSON: read_instances,
    JSON_LINES: _from_lines,
    CSV: images_of_csv,
    "application/x-npy": images_of_npy,
    "application/x-npz": _from_npz,
    "application/octet-stream": images_of_bytes,
}


def _accepted(environ: "WSGIEnvironment") -> str:
    """The form of the answer; whoever accepts anything gets JSON."""
    accepted = environ.get("HTTP_ACCEPT", "").lower()
    return next((form for form in (CSV, JSON_LINES) if form in accepted), JSON)


def _as_json(inference: Inference) -> Answer:
    return json_answer({"predictions": predictions(inference)}, inference=inference)


def _as_lines(inference: Inference) -> Answer:
    lines = [
        orjson.dumps(prediction, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
        for prediction in predictions(inference)
    ]
    return Answer(b"".join(lines), JSON_LINES, inference=inference)


def _as_csv(inference: Inference) -> Answer:
    """The likeliest digit, then the probabilities of 0 to 9."""
    rows = inference.reading.probabilities
    lines = [",".join([str(row.argmax()), *map(str, row.tolist())]) + "\n" for row in rows]
    return Answer("".join(lines).encode(), CSV, inference=inference)


_FORMS = {JSON: _as_json, CSV: _as_csv, JSON_LINES: _as_lines}
