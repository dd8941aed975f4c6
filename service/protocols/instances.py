"""What KServe's V1, Vertex AI and SageMaker have in common: instances in, predictions out."""

import base64
import binascii
from typing import Any

from flask import current_app

from service.batch import Batch, joined
from service.errors import InputError, TooLargeError
from service.http import parse_json
from service.pixels import Place, described, dotted, image_of, images_of
from service.protocols.predict import batch_of_file, max_image_pixels
from service.verdict import Verdict

_FORMS = "an image as numbers, {'pixels': such an image} or {'b64': an image file in base64}"


def read_instances(body: bytes) -> Batch:
    """The images of `{"instances": [...]}`; raises InputError.

    An instance is an image as numbers, or an object with such an image as `pixels`, or with a
    picture file in base64 as `b64`, which is TensorFlow Serving's way. Parameters and a signature
    name may be there, and mean nothing here.
    """
    value = parse_json(body)
    if not isinstance(value, dict) or "instances" not in value:
        raise InputError(
            "The body is not an object with 'instances'.",
            kind="wrong-type",
            problems=[
                {"loc": ["instances"], "expected": f"a list of {_FORMS}", "got": described(value)}
            ],
        )
    instances = value["instances"]
    check_batch(len(instances) if isinstance(instances, list) else 1)
    if isinstance(instances, list) and any(isinstance(value, dict) for value in instances):
        places: list[Place] = [["instances", index] for index in range(len(instances))]
        return read_images(instances, places, body)
    return Batch(images_of(instances, ["instances"], body))


def read_images(values: list[Any], places: list[Place], text: bytes) -> Batch:
    """The images in any of the forms above, each of `values` from its place in `text`."""
    files = sum(isinstance(value, dict) and "b64" in value for value in values)
    # The files of one request may take no longer than the largest that comes alone.
    max_pixels = max_image_pixels() // max(1, files)
    return joined(
        [
            _image(value, place, text, max_pixels)
            for value, place in zip(values, places, strict=True)
        ]
    )


def check_batch(images: int) -> None:
    """Raise TooLargeError where one request asks about too many `images`."""
    most = current_app.extensions["settings"].max_batch
    if images > most:
        raise TooLargeError(f"There are {images:,} images in the request; {most:,} are allowed.")


def predictions(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """One prediction for each image of a request."""
    return [_prediction(verdict) for verdict in verdicts]


def _prediction(verdict: Verdict) -> dict[str, Any]:
    return {
        "digit": verdict.digit,
        "confidence": verdict.confidence,
        "rejected": verdict.rejected,
        "probabilities": verdict.probabilities,
        "not_a_digit": verdict.not_a_digit,
    }


def _image(value: Any, place: Place, text: bytes, max_pixels: int) -> Batch:  # noqa: ANN401
    if not isinstance(value, dict):
        return Batch(image_of(value, place, text))
    if "b64" in value:
        return _from_file(value["b64"], [*place, "b64"], max_pixels)
    if "pixels" in value:
        return Batch(image_of(value["pixels"], [*place, "pixels"], text))
    raise InputError(
        f"{dotted(place)} has neither 'pixels' nor 'b64'.",
        kind="wrong-type",
        problems=[{"loc": list(place), "expected": _FORMS, "got": described(value)}],
    )


def _from_file(encoded: Any, place: Place, max_pixels: int) -> Batch:  # noqa: ANN401
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        got = described(encoded)
        raise InputError(
            f"{dotted(place)} is {got}, expected an image file in base64.",
            kind="invalid-base64",
            problems=[{"loc": list(place), "expected": "an image file in base64", "got": got}],
        ) from None
    try:
        return batch_of_file(content, max_pixels=max_pixels)
    except InputError as error:
        # One of many: say which.
        error.args = (f"{dotted(place)}: {error}",)
        error.problems = [{"loc": list(place), "expected": "an image", "got": str(error)}]
        raise
