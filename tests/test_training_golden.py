"""Golden digits say what the model said when it was exported, in a few kilobytes."""

import numpy as np
import pytest

from registry.contract import DIGITS
from service.models import golden
from service.models.golden import Golden
from training.evaluate import answer
from training.export import to_onnx
from training.golden import TOLERANCE, golden_file
from training.mnist import Digits, Mnist
from training.network import build
from training.recipe import Recipe


@pytest.fixture(scope="module")
def onnx_file() -> bytes:
    return to_onnx(build(Recipe()), "categorical_cross_entropy")


@pytest.fixture(scope="module")
def kept(onnx_file: bytes, sample: Mnist) -> Golden:
    return golden.parse(golden_file(onnx_file, sample.test))


def test_answers_are_those_of_the_model(kept: Golden, onnx_file: bytes) -> None:
    answers = answer(onnx_file, kept.images)

    np.testing.assert_allclose(kept.answers.probabilities, answers.probabilities, atol=1e-7)
    assert kept.answers.not_a_digit is not None
    np.testing.assert_allclose(kept.answers.not_a_digit, answers.not_a_digit, atol=1e-7)
    assert kept.tolerance == TOLERANCE


def test_each_digit_and_some_non_digits_are_kept(kept: Golden, sample: Mnist) -> None:
    labels = {
        image.tobytes(): label
        for image, label in zip(sample.test.images, sample.test.labels, strict=True)
    }

    found = [labels.get(image.tobytes(), DIGITS) for image in kept.images]
    counts = np.bincount(found, minlength=DIGITS + 1)
    assert counts.min() >= 3


def test_least_sure_answers_are_among_them(kept: Golden, onnx_file: bytes, sample: Mnist) -> None:
    certainty = answer(onnx_file, sample.test.images).probabilities.max(1)
    least_sure = sample.test.images[certainty.argmin()]

    assert any((image == least_sure).all() for image in kept.images)


def test_same_model_gives_the_same_bytes(onnx_file: bytes, sample: Mnist) -> None:
    first, second = (golden_file(onnx_file, sample.test) for _ in range(2))

    assert first == second
    assert len(first) < 20_000


def test_digits_that_are_missing_are_left_out(onnx_file: bytes, sample: Mnist) -> None:
    sevens = Digits(sample.test.images[:1], sample.test.labels[:1])

    kept = golden.parse(golden_file(onnx_file, sevens))

    assert (kept.images[0] == sevens.images[0]).all()
