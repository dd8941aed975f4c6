"""SageMaker's containers: real-time, serverless and batch inference.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson
from flask import Blueprint, current_app, request

from service.arrays import images_of_bytes, images_of_csv, images_of_npy, images_of_npz
from service.batch import Batch, joined
from service.errors import InputError, UnsupportedTypeError
from service.http import JSON, Answer, json_answer, media_type, parse_json, read_body
from service.inference import Stages, infer_batch
from service.protocols.health import ready
from service.protocols.instances import check_batch, predictions, read_images, read_instances
from service.protocols.predict import batch_of_file
from service.verdict import Verdict

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
    batch = _batch(media_type(environ), read_body(environ))
    check_batch(len(batch.pixels))
    stages.end("decode")
    inference, verdicts = infer_batch(batch, stages, environ)
    answer = _FORMS[form](verdicts)
    answer.inference = inference
    return answer


def _batch(mimetype: str, body: bytes) -> Batch:
    if mimetype.startswith("image/"):
        return batch_of_file(body)
    if mimetype not in _READERS:
        known = ", ".join([*filter(None, _READERS), "image/*"])
        raise UnsupportedTypeError(
            f"Content-Type {mimetype} is not supported: send one of {known}."
        )
    return _READERS[mimetype](body)


def _from_lines(body: bytes) -> Batch:
    """One instance a line."""
    lines = [line for line in body.splitlines() if line.strip()]
    check_batch(len(lines))
    if not lines:
        raise InputError("The body has no line.")
    return joined(
        [
            read_images([parse_json(line)], [f"line {number}"], line)
            for number, line in enumerate(lines, 1)
        ]
    )


def _from_npz(body: bytes) -> Batch:
    limit = current_app.extensions["settings"].max_body_bytes
    return Batch(images_of_npz(body, limit=limit))


_READERS: dict[str, Callable[[bytes], Batch]] = {
    "": read_instances,
    JSON: read_instances,
    JSON_LINES: _from_lines,
    CSV: lambda body: Batch(images_of_csv(body)),
    "application/x-npy": lambda body: Batch(images_of_npy(body)),
    "application/x-npz": _from_npz,
    "application/octet-stream": lambda body: Batch(images_of_bytes(body)),
}


def _accepted(environ: "WSGIEnvironment") -> str:
    """The form of the answer; whoever accepts anything gets JSON."""
    accepted = environ.get("HTTP_ACCEPT", "").lower()
    return next((form for form in (CSV, JSON_LINES) if form in accepted), JSON)


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


_FORMS = {JSON: _as_json, CSV: _as_csv, JSON_LINES: _as_lines}
