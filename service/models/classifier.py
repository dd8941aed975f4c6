"""The model in memory, ready to answer."""

import threading
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.contract import (
    DIGITS,
    IMAGE_SIDE,
    INPUT_NAME,
    MODEL_FILE,
    NOT_A_DIGIT_NAME,
    OUTPUT_NAME,
    SIGNATURE,
)
from service.errors import ModelUnusableError


class Reading(NamedTuple):
    """What a model says of N images."""

    probabilities: NDArray[np.float32]
    """Of each digit [N, 10], given that the image is one."""
    not_a_digit: NDArray[np.float32] | None
    """Of the image being no digit [N]; None where the model does not say."""


class Classifier:
    """One version of the model in onnxruntime; safe to use from several threads."""

    def __init__(self, onnx_file: bytes, card: ModelCard) -> None:
        """Load `onnx_file` and run it once; raises ModelUnusableError."""
        self.card = card
        self.digest = card.files[MODEL_FILE].digest
        self._outputs = _outputs(card)
        self._bound = threading.local()
        # One thread: the network is so small that a second costs more than it gives.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                onnx_file, options, ["CPUExecutionProvider"]
            )
            reading = self._run(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE), np.uint8))
        except Exception as error:  # onnxruntime's errors have no common base.
            raise ModelUnusableError(
                f"{card.name} version {card.version} cannot be loaded: {error}"
            ) from error
        _check_reading(reading, card)

    def predict(self, pixels: NDArray[np.uint8]) -> Reading:
        """What the model says of images uint8 [N, 28, 28], white ink on black."""
        return self._of_one_image().predict(pixels) if len(pixels) == 1 else self._run(pixels)

    def _run(self, pixels: NDArray[np.uint8]) -> Reading:
        probabilities, *rest = self._session.run(self._outputs, {INPUT_NAME: pixels})
        return Reading(probabilities, rest[0] if rest else None)

    def _of_one_image(self) -> "_OneImage":
        try:
            bound: _OneImage = self._bound.of_one_image
        except AttributeError:
            bound = self._bound.of_one_image = _OneImage(self._session, self._outputs)
        return bound


class _OneImage:
    """The tensors of one image, bound once in each thread: so a run takes two thirds as long."""

    def __init__(self, session: onnxruntime.InferenceSession, outputs: list[str]) -> None:
        self._run = session.run_with_iobinding
        self._pixels = np.zeros((1, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        self._probabilities = np.zeros((1, DIGITS), np.float32)
        self._not_a_digit = np.zeros(1, np.float32)
        self._says_not_a_digit = NOT_A_DIGIT_NAME in outputs
        self._binding = session.io_binding()
        self._binding.bind_input(
            INPUT_NAME, "cpu", 0, np.uint8, self._pixels.shape, self._pixels.ctypes.data
        )
        tensors = {OUTPUT_NAME: self._probabilities, NOT_A_DIGIT_NAME: self._not_a_digit}
        for name in outputs:
            tensor = tensors[name]
            self._binding.bind_output(name, "cpu", 0, np.float32, tensor.shape, tensor.ctypes.data)

    def predict(self, pixels: NDArray[np.uint8]) -> Reading:
        """As the classifier's; the next call does not change what this one returned."""
        self._pixels[...] = pixels
        self._run(self._binding)
        not_a_digit = self._not_a_digit.copy() if self._says_not_a_digit else None
        return Reading(self._probabilities.copy(), not_a_digit)


def _outputs(card: ModelCard) -> list[str]:
    """The outputs to ask for: models were registered before they said what is no digit."""
    given = {output.name: output for output in card.signature.outputs}
    contracted = {output.name: output for output in SIGNATURE.outputs}
    names = [name for name in contracted if name == OUTPUT_NAME or name in given]
    if card.signature.inputs != SIGNATURE.inputs or any(
        given.get(name) != contracted[name] for name in names
    ):
        raise ModelUnusableError(
            f"{card.name} version {card.version} is no digit classifier: it takes and gives "
            f"{card.signature}, expected {SIGNATURE}"
        )
    return names


def _check_reading(reading: Reading, card: ModelCard) -> None:
    """Raise ModelUnusableError where this cannot be what a model says of one image."""
    probabilities, not_a_digit = reading
    if probabilities.shape != (1, DIGITS) or not np.isclose(probabilities.sum(), 1, atol=1e-3):
        raise ModelUnusableError(
            f"{card.name} version {card.version} answers {probabilities.tolist()} for an empty "
            f"image, expected {DIGITS} probabilities"
        )
    if not_a_digit is not None and not (not_a_digit.shape == (1,) and 0 <= not_a_digit[0] <= 1):
        raise ModelUnusableError(
            f"{card.name} version {card.version} answers {not_a_digit.tolist()} as "
            f"{NOT_A_DIGIT_NAME} for an empty image, expected one probability"
        )
