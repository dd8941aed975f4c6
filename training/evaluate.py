"""Score the model as it will be served: the exported bytes, run by onnxruntime."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from registry.contract import DIGITS, INPUT_NAME, NOT_A_DIGIT_NAME, OUTPUT_NAME
from training.mnist import Digits

# The float32 copies of so many images fit into the cache of a CPU.
_AT_ONCE = 500


class Answers(NamedTuple):
    """What a model says of N images."""

    probabilities: NDArray[np.float32]
    """Of each digit [N, 10], given that the image is one."""
    not_a_digit: NDArray[np.float32]
    """How unlike a digit each image is [N]; see losses.not_a_digit."""


@dataclass(frozen=True)
class Evaluation:
    """How well a model reads a set of digits.

    `loss` is the mean cross-entropy in nats; `correct` [N] says which images were read rightly;
    `confusion[t, p]` counts the images of digit t that were read as p.
    """

    answers: Answers
    accuracy: float
    loss: float
    correct: NDArray[np.bool_]
    confusion: NDArray[np.int64]


def answer(onnx_file: bytes, images: NDArray[np.uint8]) -> Answers:
    """What the model in `onnx_file` says of images uint8 [N, 28, 28]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_file, options, ["CPUExecutionProvider"])
    parts = [
        session.run([OUTPUT_NAME, NOT_A_DIGIT_NAME], {INPUT_NAME: images[start : start + _AT_ONCE]})
        for start in range(0, len(images), _AT_ONCE)
    ]
    return Answers(*map(np.concatenate, zip(*parts, strict=True)))


def evaluate(onnx_file: bytes, digits: Digits) -> Evaluation:
    """Score `onnx_file` on `digits`."""
    answers = answer(onnx_file, digits.images)
    probabilities = answers.probabilities.astype(np.float64)
    predicted = probabilities.argmax(1)
    confusion = np.zeros((DIGITS, DIGITS), np.int64)
    np.add.at(confusion, (digits.labels, predicted), 1)
    of_label = probabilities[np.arange(len(digits)), digits.labels]
    # A probability that underflowed to zero still has a finite penalty.
    loss = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean()
    correct = predicted == digits.labels
    return Evaluation(answers, float(correct.mean()), float(loss), correct, confusion)
