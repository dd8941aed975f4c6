"""The routes for people: an image in, a digit out."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Blueprint, current_app, request
from numpy.typing import NDArray
from werkzeug.exceptions import RequestEntityTooLarge

from registry.contract import DIGITS, IMAGE_PIXELS, IMAGE_SIDE
from service.batch import Batch
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
from service.inference import Inference, Stages, infer_batch
from service.pixels import described, image_of
from service.verdict import Verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.vision.grouping import Box

routes = Blueprint("predict", __name__)

_FORM_FIELD = "image"

# What clients call a body of bytes: curl's --data-binary says the second when it is told nothing.
_ANY_BYTES = frozenset({"", "application/x-www-form-urlencoded", "application/octet-stream"})


_NO_PIXELS = np.zeros((0, IMAGE_SIDE, IMAGE_SIDE), np.uint8)


@routes.post("/predict")
def predict() -> Answer:
    """Read the digit in an image."""
    stages = Stages()
    environ = request.environ
    count = _top_k(environ)
    batch = _batch(environ, stages)
    inference, (verdict,) = infer_batch(batch, stages, environ)
    body = _prediction(inference, verdict, count)
    if is_asked_for(environ, "explain"):
        body |= _explanation(batch, verdict, inference)
    return json_answer(body, inference=inference)


@routes.post("/read")
def read() -> Answer:
    """Read all digits in a picture."""
    # Imported here: who sends pixels need not wait for an imaging library.
    from service.vision import find_digits

    stages = Stages()
    environ = request.environ
    content = _picture(environ)
    stages.end("decode")
    page = find_digits(content, max_pixels=max_image_pixels())
    stages.end("prepare")
    candidates = [found.candidates for found in page.digits]
    pixels = np.concatenate(candidates) if candidates else _NO_PIXELS
    batch = Batch(pixels, [len(each) for each in candidates])
    inference, verdicts = infer_batch(batch, stages, environ)
    body = {
        "number": "".join("?" if v.digit is None else str(v.digit) for v in verdicts),
        "digits": [
            _digit(found.box, verdict) for found, verdict in zip(page.digits, verdicts, strict=True)
        ],
        "width": page.width,
        "height": page.height,
        "model": _model(inference),
    }
    return json_answer(body, inference=inference)


def _digit(box: "Box", verdict: Verdict) -> dict[str, Any]:
    return {
        "digit": verdict.digit,
        "confidence": verdict.confidence,
        "rejected": verdict.rejected,
        "box": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
        "probabilities": verdict.probabilities,
    }


def _prediction(inference: Inference, verdict: Verdict, count: int) -> dict[str, Any]:
    return {
        "digit": verdict.digit,
        "confidence": verdict.confidence,
        "rejected": verdict.rejected,
        "probabilities": verdict.probabilities,
        "top": [
            {"digit": digit, "probability": verdict.probabilities[digit]}
            for digit in verdict.top(count)
        ],
        "not_a_digit": verdict.not_a_digit,
        "model": _model(inference),
    }


def _model(inference: Inference) -> dict[str, Any]:
    card = inference.classifier.card
    digest = inference.classifier.digest
    return {"name": card.name, "version": card.version, "digest": digest}


def _explanation(batch: Batch, verdict: Verdict, inference: Inference) -> dict[str, Any]:
    """What the model saw, and why it read that; null where there was nothing to see."""
    if verdict.candidate is None:
        return {"pixels": None, "saliency": None}
    # Imported here: few ask for it.
    from service.saliency import saliency

    pixels = batch.pixels[verdict.candidate]
    (likeliest,) = verdict.top(1)
    return {"pixels": pixels, "saliency": saliency(inference.classifier, pixels, likeliest)}


def _top_k(environ: "WSGIEnvironment") -> int:
    query: str = environ["QUERY_STRING"]
    if "top_k=" not in query:
        return 3
    given = request.args.get("top_k", "")
    if not re.fullmatch("[0-9]{1,2}", given) or not 1 <= int(given) <= DIGITS:
        raise InputError(
            f"top_k is {given!r}, expected a number from 1 to {DIGITS}.",
            problems=[{"loc": ["top_k"], "expected": f"1 to {DIGITS}", "got": given}],
        )
    return int(given)


def _batch(environ: "WSGIEnvironment", stages: Stages) -> Batch:
    """The image in the request; raises InputError."""
    mimetype = media_type(environ)
    if mimetype == JSON:
        pixels = _from_json(read_body(environ))
    else:
        content = _picture(environ)
        if len(content) != IMAGE_PIXELS or mimetype not in _ANY_BYTES:
            stages.end("decode")
            batch = batch_of_file(content)
            stages.end("prepare")
            return batch
        pixels = np.frombuffer(content, np.uint8).reshape(1, IMAGE_SIDE, IMAGE_SIDE)
    stages.end("decode")
    return Batch(pixels)


def _picture(environ: "WSGIEnvironment") -> bytes:
    """The file in the request."""
    mimetype = media_type(environ)
    if mimetype in _ANY_BYTES or mimetype.startswith("image/"):
        return read_body(environ)
    if mimetype == "multipart/form-data":
        return _form_file()
    raise UnsupportedTypeError(
        f"Content-Type {mimetype} is not supported: send an image (image/*), a form with "
        f"a file in the field {_FORM_FIELD!r} (multipart/form-data), or, to /predict, "
        f"{IMAGE_PIXELS} bytes (application/octet-stream) or {JSON}."
    )


def _from_json(body: bytes) -> NDArray[np.uint8]:
    value = parse_json(body)
    if type(value) is not dict or value.keys() != {"pixels"}:
        raise InputError(
            "The body is not an object with 'pixels' and nothing else.",
            kind="wrong-type",
            problems=[
                {"loc": [], "expected": {"pixels": "28 rows of 28"}, "got": described(value)}
            ],
        )
    return image_of(value["pixels"], ["pixels"], body)


def batch_of_file(content: bytes, *, max_pixels: int | None = None) -> Batch:
    """The digit in a picture file of at most `max_pixels`; raises InputError."""
    # Imported here: who sends pixels need not wait for an imaging library.
    from service.vision import prepare

    most = max_image_pixels() if max_pixels is None else max_pixels
    prepared = prepare(content, max_pixels=most)
    return Batch(prepared.candidates, [len(prepared.candidates)], [prepared.several])


def max_image_pixels() -> int:
    """How many pixels the settings allow an image."""
    pixels: int = current_app.extensions["settings"].max_image_pixels
    return pixels


def _form_file() -> bytes:
    try:
        file = request.files.get(_FORM_FIELD)
    except RequestEntityTooLarge:
        raise too_large(request.max_content_length or 0) from None
    if file is None:
        # To Werkzeug, a field may have no name.
        names = [str(name)[:40] for name in (*request.files, *request.form) if name]
        found = ", ".join(names[:10]) or "none"
        raise InputError(
            f"The form has no file in a field named {_FORM_FIELD!r}; its fields are: {found}."
        )
    content: bytes = file.read()
    return content
