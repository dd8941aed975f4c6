"""The routes for people: an image in, a digit out."""

from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Blueprint, current_app, request
from numpy.typing import NDArray
from werkzeug.exceptions import RequestEntityTooLarge

from registry.contract import DIGITS, IMAGE_PIXELS, IMAGE_SIDE
from service.errors import InputError, UnsupportedTypeError
from service.http import (
    JSON,
    Answer,
    is_asked_for,
    json_answer,
    media_type,
    parse_json,
    read_body,
    too_large,
)
from service.inference import Inference, Stages, infer
from service.pixels import image_of
from service.verdict import Thresholds, Verdict, judge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

routes = Blueprint("predict", __name__)

_FORM_FIELD = "image"

# What clients call a body of bytes: curl's --data-binary says the second when it is told nothing.
_ANY_BYTES = frozenset({"", "application/x-www-form-urlencoded", "application/octet-stream"})


@routes.post("/predict")
def predict() -> Answer:
    """Read the digit in an image."""
    stages = Stages()
    environ = request.environ
    count = _top_k(environ)
    pixels = _pixels(environ)
    stages.end("decode")
    inference = infer(pixels, stages, environ)
    verdict = judge(inference.reading, thresholds())
    body = _prediction(inference, verdict, count)
    if is_asked_for(environ, "explain"):
        body |= _explanation(pixels, verdict)
    return json_answer(body, inference=inference)


def thresholds() -> Thresholds:
    """Where the settings say that an image is rejected."""
    settings = current_app.extensions["settings"]
    return Thresholds(settings.not_a_digit_threshold, settings.confidence_threshold)


def _prediction(inference: Inference, verdict: Verdict, count: int) -> dict[str, Any]:
    card = inference.classifier.card
    return {
        "digit": verdict.digit,
        # As the probabilities are, so that it is one of them.
        "confidence": np.float32(verdict.confidence),
        "rejected": verdict.rejected,
        "probabilities": verdict.probabilities,
        "top": [
            {"digit": digit, "probability": np.float32(probability)}
            for digit, probability in verdict.top(count)
        ],
        "not_a_digit": verdict.not_a_digit,
        "model": {
            "name": card.name,
            "version": card.version,
            "digest": inference.classifier.digest,
        },
    }


def _explanation(pixels: NDArray[np.uint8], verdict: Verdict) -> dict[str, Any]:
    """What the model saw."""
    return {"pixels": None if verdict.candidate is None else pixels[verdict.candidate]}


def _top_k(environ: "WSGIEnvironment") -> int:
    query: str = environ["QUERY_STRING"]
    if "top_k=" not in query:
        return 3
    given = request.args.get("top_k", "")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= DIGITS:
        raise InputError(
            f"top_k is {given!r}, expected a number from 1 to {DIGITS}.",
            problems=[{"loc": ["top_k"], "expected": f"1 to {DIGITS}", "got": given}],
        )
    return int(given)


def _pixels(environ: "WSGIEnvironment") -> NDArray[np.uint8]:
    """The image uint8 [1, 28, 28] in the request; raises InputError."""
    mimetype = media_type(environ)
    if mimetype == JSON:
        return _from_json(read_body(environ))
    if mimetype == "multipart/form-data":
        return image_from_file(_form_file())
    if mimetype in _ANY_BYTES or mimetype.startswith("image/"):
        body = read_body(environ)
        if len(body) == IMAGE_PIXELS and not mimetype.startswith("image/"):
            return np.frombuffer(body, np.uint8).reshape(1, IMAGE_SIDE, IMAGE_SIDE)
        return image_from_file(body)
    raise UnsupportedTypeError(
        f"Content-Type {mimetype} is not supported: send an image (image/*), a form with "
        f"a file in the field {_FORM_FIELD!r} (multipart/form-data), {IMAGE_PIXELS} bytes "
        f"(application/octet-stream), or {JSON}."
    )


def _from_json(body: bytes) -> NDArray[np.uint8]:
    value = parse_json(body)
    if type(value) is not dict or value.keys() != {"pixels"}:
        got = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise InputError(
            "The body is not an object with 'pixels' and nothing else.",
            problems=[{"loc": [], "expected": {"pixels": "28 rows of 28"}, "got": got}],
        )
    return image_of(value["pixels"], ["pixels"], body)


def image_from_file(content: bytes) -> NDArray[np.uint8]:
    """The image uint8 [1, 28, 28] in a picture file; raises InputError."""
    # Imported here: who sends pixels need not wait for an imaging library.
    from service.vision.decode import decode
    from service.vision.normalize import normalize

    settings = current_app.extensions["settings"]
    picture = decode(content, max_pixels=settings.max_image_pixels)
    return normalize(picture.grey).reshape(1, IMAGE_SIDE, IMAGE_SIDE)


def _form_file() -> bytes:
    try:
        file = request.files.get(_FORM_FIELD)
    except RequestEntityTooLarge:
        raise too_large(request.max_content_length or 0) from None
    if file is None:
        found = ", ".join([*request.files, *request.form]) or "none"
        raise InputError(
            f"The form has no file in a field named {_FORM_FIELD!r}; its fields are: {found}."
        )
    content: bytes = file.read()
    return content
