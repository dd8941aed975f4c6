"""The model in memory, ready to answer."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.contract import DIGITS, IMAGE_SIDE, INPUT_NAME, MODEL_FILE, OUTPUT_NAME, SIGNATURE
from service.errors import ModelUnusableError


class Classifier:
    """One version of the model in onnxruntime; safe to use from several threads."""

    def __init__(self, onnx_file: bytes, card: ModelCard) -> None:
        """Load `onnx_file` and run it once; raises ModelUnusableError."""
        self.card = card
        self.digest = card.files[MODEL_FILE].digest
        _check_signature(card)
        # One thread: the network is so small that a second costs more than it gives.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                onnx_file, options, ["CPUExecutionProvider"]
            )
            probabilities = self.predict(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE), np.uint8))
        except Exception as error:  # onnxruntime's errors have no common base.
            raise ModelUnusableError(
                f"{card.name} version {card.version} cannot be loaded: {error}"
            ) from error
        if probabilities.shape != (1, DIGITS) or not np.isclose(probabilities.sum(), 1, atol=1e-3):
            raise ModelUnusableError(
                f"{card.name} version {card.version} answers {probabilities.tolist()} for an empty "
                f"image, expected {DIGITS} probabilities"
            )

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities float32 [N, 10] of images uint8 [N, 28, 28], white ink on black."""
        probabilities: NDArray[np.float32]
        (probabilities,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: pixels})
        return probabilities


@dataclass
class Served:
    """What answers now. A request takes the classifier once, and keeps it to the end."""

    classifier: Classifier
    is_stale: bool = False
    """Whether the alias names, or may name, another version: the store is away, or that version
    cannot be served."""


def _check_signature(card: ModelCard) -> None:
    if card.signature != SIGNATURE:
        raise ModelUnusableError(
            f"{card.name} version {card.version} is no digit classifier: it takes and gives "
            f"{card.signature}, expected {SIGNATURE}"
        )
