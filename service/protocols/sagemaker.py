"""SageMaker's containers: real-time, serverless and batch inference.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import orjson
from flask import Blueprint, current_app, request
from werkzeug.http import parse_accept_header

from service.arrays import images_of_bytes, images_of_csv, images_of_npy, images_of_npz
from service.batch import Batch
from service.errors import InputError, RequestError, UnsupportedTypeError
from service.http import JSON, Answer, json_answer, media_type, parse_json, read_body
from service.inference import Inference, Stages, infer_batch
from service.protocols.health import ready
from service.protocols.instances import check_batch, predictions, read_images, read_instances
from service.protocols.open_inference.routes import answer_tensors
from service.protocols.predict import batch_of_file
from service.verdict import Verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.settings import ServiceSettings

routes = Blueprint("sagemaker", __name__)

CSV = "text/csv"
JSON_LINES = "application/jsonlines"
NPY = "application/x-npy"

routes.get("/ping")(ready)


@routes.get("/execution-parameters")
def execution_parameters() -> Answer:
    """How a batch transform should send its records."""
    settings = _settings()
    return json_answer(
        {
            "MaxConcurrentTransforms": settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(100, max(1, settings.max_body_bytes >> 20)),
        }
    )


@routes.post("/endpoints/<name>/invocations")
def invoke_endpoint(name: str) -> Answer:
    """As `/invocations`, where boto3's sagemaker-runtime looks for it."""
    try:
        answer = invocations()
    except RequestError as error:
        _tell_boto3(error)
        raise
    variant = _variant(answer.inference)
    answer.headers = [*answer.headers, ("x-Amzn-Invoked-Production-Variant", variant)]
    return answer


@routes.post("/invocations")
def invocations() -> Answer:
    """Read digits, in any of the forms that SageMaker's clients send."""
    stages = Stages()
    environ = request.environ
    reader = _reader(media_type(environ))
    body = read_body(environ)
    if reader is read_instances and b'"inputs"' in body and b'"instances"' not in body:
        return answer_tensors(body)
    write = _WRITERS[_accepted(environ)]
    batch = reader(body)
    check_batch(batch.images)
    stages.end("decode")
    inference, verdicts = infer_batch(batch, stages, environ)
    answer = write(verdicts)
    answer.inference = inference
    return answer


def _reader(mimetype: str) -> Callable[[bytes], Batch]:
    if mimetype.startswith("image/"):
        return batch_of_file
    if mimetype not in _READERS:
        known = ", ".join([*filter(None, _READERS), "image/*"])
        raise UnsupportedTypeError(
            f"Content-Type {mimetype} is not supported: send one of {known}."
        )
    return _READERS[mimetype]


def _from_lines(body: bytes) -> Batch:
    """One instance a line."""
    lines = [line for line in body.splitlines() if line.strip()]
    check_batch(len(lines))
    if not lines:
        raise InputError("The body has no line, expected an instance in each.")
    values = [parse_json(line, f"Line {number}") for number, line in enumerate(lines, 1)]
    return read_images(values, [[f"line {number}"] for number in range(1, len(lines) + 1)], body)


def _from_npz(body: bytes) -> Batch:
    return Batch(images_of_npz(body, limit=_settings().max_body_bytes))


_READERS: dict[str, Callable[[bytes], Batch]] = {
    "": read_instances,
    JSON: read_instances,
    JSON_LINES: _from_lines,
    CSV: lambda body: Batch(images_of_csv(body)),
    NPY: lambda body: Batch(images_of_npy(body)),
    "application/x-npz": _from_npz,
    "application/octet-stream": lambda body: Batch(images_of_bytes(body)),
}


def _accepted(environ: "WSGIEnvironment") -> str:
    """The form of the answer; whoever accepts anything, or nothing of this, gets JSON."""
    accepted: str = environ.get("HTTP_ACCEPT", "")
    if accepted in {"", "*/*", JSON}:
        return JSON
    return parse_accept_header(accepted).best_match(_WRITERS, JSON)


def _as_json(verdicts: list[Verdict]) -> Answer:
    return json_answer({"predictions": predictions(verdicts)})


def _as_lines(verdicts: list[Verdict]) -> Answer:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    lines = [orjson.dumps(prediction, option=options) for prediction in predictions(verdicts)]
    return Answer(b"".join(lines), JSON_LINES)


def _as_csv(verdicts: list[Verdict]) -> Answer:
    """The digit, or nothing where the image is rejected; then the probabilities of 0 to 9."""
    rows = [
        ["" if verdict.digit is None else str(verdict.digit), *map(str, verdict.probabilities)]
        for verdict in verdicts
    ]
    return Answer("".join(",".join(row) + "\n" for row in rows).encode(), CSV)


def _as_npy(verdicts: list[Verdict]) -> Answer:
    """The probabilities, float32 [N, 10]."""
    file = io.BytesIO()
    np.save(file, np.array([verdict.probabilities for verdict in verdicts], np.float32))
    return Answer(file.getvalue(), NPY)


_WRITERS: dict[str, Callable[[list[Verdict]], Answer]] = {
    JSON: _as_json,
    CSV: _as_csv,
    JSON_LINES: _as_lines,
    NPY: _as_npy,
}


def _variant(inference: Inference | None) -> str:
    """The alias of what has answered."""
    settings = _settings()
    canary = current_app.extensions["models"].named.get("canary")
    if inference and canary and inference.classifier.digest == canary.digest:
        return settings.canary_alias or settings.registry.alias
    return settings.registry.alias


def _tell_boto3(error: RequestError) -> None:
    """Let boto3 raise ModelError, with the words where it looks for them."""
    error.headers = [*error.headers, ("x-amzn-ErrorType", "ModelError")]
    error.members = {
        "Message": str(error),
        "OriginalMessage": str(error),
        "OriginalStatusCode": error.status,
    }


def _settings() -> "ServiceSettings":
    settings: ServiceSettings = current_app.extensions["settings"]
    return settings
