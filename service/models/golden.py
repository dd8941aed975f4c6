"""Ask a loaded model what it was asked when it was registered, and expect the same answers."""

import base64
import json
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS, IMAGE_PIXELS, IMAGE_SIDE
from service.errors import SelfTestFailedError
from service.models.classifier import Classifier, Reading

# A file of golden digits has a few dozen images; it must not be a way to fill the memory.
_MOST_IMAGES = 4096


class Golden(NamedTuple):
    """Images uint8 [N, 28, 28], and the answers that are expected."""

    images: NDArray[np.uint8]
    answers: Reading
    tolerance: float


def self_test(classifier: Classifier, golden_file: bytes) -> None:
    """Raise SelfTestFailedError where `classifier` answers otherwise than `golden_file` says."""
    name = f"{classifier.card.name} version {classifier.card.version}"
    try:
        golden = parse(golden_file)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise SelfTestFailedError(
            f"{name} has golden digits that cannot be read: {error}"
        ) from None
    try:
        answers = classifier.predict(golden.images)
    except Exception as error:  # onnxruntime's errors have no common base.
        raise SelfTestFailedError(f"{name} fails its self-test: {error}") from error
    difference = max(_differences(answers, golden.answers))
    if not difference <= golden.tolerance:  # So that NaN is refused, too.
        raise SelfTestFailedError(
            f"{name} fails its self-test: its answers to {len(golden.images)} golden digits differ "
            f"by up to {difference:.2g} from those it was registered with, "
            f"allowed is {golden.tolerance:.2g}"
        )


def parse(golden_file: bytes) -> Golden:
    """The golden digits in a file of the format that registry.contract describes.

    Raises KeyError, TypeError, ValueError or zlib.error for anything else.
    """
    document = json.loads(golden_file)
    decompressor = zlib.decompressobj()
    pixels = decompressor.decompress(
        base64.b64decode(document["images"], validate=True), _MOST_IMAGES * IMAGE_PIXELS
    )
    images = np.frombuffer(pixels, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    probabilities = np.array(document["probabilities"], np.float32)
    not_a_digit = np.array(document["not_a_digit"], np.float32)
    if not len(images) or probabilities.shape != (len(images), DIGITS):
        raise ValueError(f"probabilities of shape {probabilities.shape} for {len(images)} images")
    if not_a_digit.shape != (len(images),):
        raise ValueError(f"not_a_digit of shape {not_a_digit.shape} for {len(images)} images")
    return Golden(images, Reading(probabilities, not_a_digit), float(document["tolerance"]))


def _differences(found: Reading, expected: Reading) -> list[float]:
    """The largest difference in each output that the model gives."""
    return [
        float(np.abs(one - other).max())
        for one, other in zip(found, expected, strict=True)
        if one is not None and other is not None
    ]
