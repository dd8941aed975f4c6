"""What KServe's V1, Vertex AI and SageMaker have in common: instances in, predictions out."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app
from numpy.typing import NDArray

from service.errors import InputError, TooLargeError
from service.http import parse_json
from service.inference import Inference
from service.pixels import Place, images_of
from service.protocols.predict import image_from_file, thresholds
from service.verdict import Verdict, judge

if TYPE_CHECKING:
    from service.classifier import Reading

_FORMS = "a list of images: rows of pixels, {'pixels': rows of pixels}, or {'b64': an image file}"


def read_instances(body: bytes) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of `{"instances": [...]}`; raises InputError.

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


def read_images(values: Any, place: Place, text: bytes) -> NDArray[np.uint8]:  # noqa: ANN401
    """The images uint8 [N, 28, 28] that `values` lists, in any of the forms above."""
    check_batch(len(values) if isinstance(values, list) else 1)
    if isinstance(values, list) and any(isinstance(value, dict) for value in values):
        parts = [_image(value, [*place, index], text) for index, value in enumerate(values)]
        return np.concatenate(parts)
    return images_of(values, place, text)


def check_batch(images: int) -> None:
    """Raise TooLargeError where one request asks about too many `images`."""
    most = current_app.extensions["settings"].max_batch
    if images > most:
        raise TooLargeError(f"There are {images:,} images in the request; {most:,} are allowed.")


def predictions(inference: Inference) -> list[dict[str, Any]]:
    """One prediction for each image of a request."""
    limits = thresholds()
    images = range(len(inference.reading.probabilities))
    verdicts = [judge(_row(inference.reading, index), limits) for index in images]
    return [_prediction(verdict) for verdict in verdicts]


def _prediction(verdict: Verdict) -> dict[str, Any]:
    return {
        "digit": verdict.digit,
        "confidence": np.float32(verdict.confidence),
        "rejected": verdict.rejected,
        "probabilities": verdict.probabilities,
        "not_a_digit": verdict.not_a_digit,
    }


def _row(reading: "Reading", index: int) -> "Reading":
    probabilities, not_a_digit = reading
    own = slice(index, index + 1)
    return type(reading)(probabilities[own], None if not_a_digit is None else not_a_digit[own])


def _image(value: Any, place: Place, text: bytes) -> NDArray[np.uint8]:  # noqa: ANN401
    if not isinstance(value, dict):
        return images_of([value], place, text)
    if "b64" in value:
        return _from_file(value["b64"], [*place, "b64"])
    if "pixels" in value:
        return images_of([value["pixels"]], [*place, "pixels"], text)
    raise InputError(
        f"{'.'.join(map(str, place))} has neither 'pixels' nor 'b64'.",
        problems=[{"loc": list(place), "expected": _FORMS, "got": list(value)}],
    )


def _from_file(encoded: Any, place: Place) -> NDArray[np.uint8]:  # noqa: ANN401
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InputError(
            f"{'.'.join(map(str, place))} is not base64.",
            problems=[{"loc": list(place), "expected": "an image file in base64", "got": "?"}],
        ) from None
    return image_from_file(content)
