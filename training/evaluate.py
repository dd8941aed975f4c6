"""Score the model as it will be served: the exported bytes, run by onnxruntime."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from registry.contract import DIGITS, INPUT_NAME, OUTPUT_NAME
from training.mnist import Digits


@dataclass(frozen=True)
class Evaluation:
    """How well a model reads a set of digits.

    `loss` is the mean cross-entropy in nats; `correct` [N] says which images were read rightly;
    `confusion[t, p]` counts the images of digit t that were read as p.
    """

    accuracy: float
    loss: float
    correct: NDArray[np.bool_]
    confusion: NDArray[np.int64]


def predict(onnx_file: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities [N, 10] of images uint8 [N, 28, 28]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_file, options, ["CPUExecutionProvider"])
    probabilities: NDArray[np.float32]
    (probabilities,) = session.run([OUTPUT_NAME], {INPUT_NAME: images})
    return probabilities


def evaluate(onnx_file: bytes, digits: Digits) -> Evaluation:
    """Score `onnx_file` on `digits`."""
    probabilities = predict(onnx_file, digits.images).astype(np.float64)
    predicted = probabilities.argmax(1)
    confusion = np.zeros((DIGITS, DIGITS), np.int64)
    np.add.at(confusion, (digits.labels, predicted), 1)
    of_label = probabilities[np.arange(len(digits)), digits.labels]
    # A probability that underflowed to zero still has a finite penalty.
    loss = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean()
    correct = predicted == digits.labels
    return Evaluation(float(correct.mean()), float(loss), correct, confusion)
