"""What KServe's V1, Vertex AI and SageMaker have in common: instances in, predictions out."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app

from service.batch import Batch, joined
from service.errors import InputError, TooLargeError
from service.http import parse_json
from service.pixels import Place, image_of, images_of
from service.protocols.predict import batch_of_file
from service.verdict import Verdict

if TYPE_CHECKING:
    pass

_FORMS = "a list of images: rows of pixels, {'pixels': rows of pixels}, or {'b64': an image file}"


def read_instances(body: bytes) -> Batch:
    """The images of `{"instances": [...]}`; raises InputError.

    An instance is an image as numbers, or an object with such an image as `pixels`, or with a
    picture file in base64 as `b64`, which is TensorFlow Serving's way. Parameters and a signature
    name may be there, and mean nothing here.
    """
    value = parse_json(body)
    if not isinstance(value, dict) or "instances" not in value:
        got = list(value) if isinstance(value, dict) else type(value).__name__
        raise InputError(
            "The body is not an object with 'instances'.",
            problems=[{"loc": ["instances"], "expected": _FORMS, "got": got}],
        )
    return read_images(value["instances"], ["instances"], body)


def read_images(values: Any, place: Place, text: bytes) -> Batch:  # noqa: ANN401
    """The images that `values` lists, in any of the forms above."""
    check_batch(len(values) if isinstance(values, list) else 1)
    if isinstance(values, list) and any(isinstance(value, dict) for value in values):
        return joined([_image(value, [*place, index], text) for index, value in enumerate(values)])
    return Batch(images_of(values, place, text))


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
        "confidence": np.float32(verdict.confidence),
        "rejected": verdict.rejected,
        "probabilities": verdict.probabilities,
        "not_a_digit": verdict.not_a_digit,
    }


def _image(value: Any, place: Place, text: bytes) -> Batch:  # noqa: ANN401
    if not isinstance(value, dict):
        return Batch(image_of(value, place, text))
    if "b64" in value:
        return _from_file(value["b64"], [*place, "b64"])
    if "pixels" in value:
        return Batch(image_of(value["pixels"], [*place, "pixels"], text))
    raise InputError(
        f"{'.'.join(map(str, place))} has neither 'pixels' nor 'b64'.",
        problems=[{"loc": list(place), "expected": _FORMS, "got": list(value)}],
    )


def _from_file(encoded: Any, place: Place) -> Batch:  # noqa: ANN401
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InputError(
            f"{'.'.join(map(str, place))} is not base64.",
            problems=[{"loc": list(place), "expected": "an image file in base64", "got": "?"}],
        ) from None
    return batch_of_file(content)
