"""A version is tried on its golden digits first, and serves only if it still answers as it did."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.catalog import Registry
from registry.contract import GOLDEN_FILE, MODEL_FILE
from registry.settings import RegistrySettings, open_registry
from service.errors import ModelUnusableError
from service.models.classifier import Classifier
from service.models.golden import self_test
from tests.service_models import Recorder, Served, models_of
from training.export import to_onnx
from training.network import build
from training.recipe import Recipe


@pytest.fixture(scope="module")
def sample_registry(sample_store: Path) -> Registry:
    return open_registry(RegistrySettings(store=str(sample_store)))


@pytest.fixture(scope="module")
def golden_file(sample_registry: Registry, classifier: Classifier) -> bytes:
    return sample_registry.fetch(classifier.card, GOLDEN_FILE)


def changed(golden_file: bytes, **changes: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps(json.loads(golden_file) | changes).encode()


def off_by(golden_file: bytes, difference: float) -> bytes:
    """The file, with one probability of one image off by so much."""
    document = json.loads(golden_file)
    document["probabilities"][17][3] += difference
    return json.dumps(document).encode()


def test_model_passes_on_its_own_golden_digits(classifier: Classifier, golden_file: bytes) -> None:
    self_test(classifier, golden_file)


@pytest.mark.parametrize("difference", [-2e-4, 2e-4, float("nan")])
def test_one_answer_that_is_off_is_enough(
    difference: float, classifier: Classifier, golden_file: bytes
) -> None:
    with pytest.raises(ModelUnusableError, match="digits version 1 fails its self-test"):
        self_test(classifier, off_by(golden_file, difference))


def test_rounding_is_tolerated(classifier: Classifier, golden_file: bytes) -> None:
    self_test(classifier, off_by(golden_file, 5e-5))


def test_not_a_digit_that_is_off_is_refused(classifier: Classifier, golden_file: bytes) -> None:
    levels = json.loads(golden_file)["not_a_digit"]

    with pytest.raises(ModelUnusableError, match="fails its self-test"):
        self_test(classifier, changed(golden_file, not_a_digit=[*levels[:-1], 1 - levels[-1]]))


@pytest.mark.parametrize(
    "changes",
    [
        {"images": "!"},
        {"images": base64.b64encode(b"not zlib").decode()},
        {"images": base64.b64encode(zlib.compress(bytes(783))).decode()},
        {"images": ""},
        {"images": base64.b64encode(zlib.compress(bytes(784 * 100_000))).decode()},
        {"probabilities": [[1.0] * 10]},
        {"probabilities": [[1.0], []]},
        {"not_a_digit": []},
        {"tolerance": None},
    ],
)
def test_damaged_file_is_said_to_be_so(
    changes: dict[str, Any], classifier: Classifier, golden_file: bytes
) -> None:
    with pytest.raises(ModelUnusableError, match="golden digits that cannot be read"):
        self_test(classifier, changed(golden_file, **changes))


@given(content=st.binary() | st.from_regex(r"[\[\]{}0-9a-z\",:]*").map(str.encode))
def test_anything_else_is_refused(content: bytes, classifier: Classifier) -> None:
    with pytest.raises(ModelUnusableError):
        self_test(classifier, content)


def test_version_of_an_earlier_release_is_served(
    classifier: Classifier, sample_registry: Registry
) -> None:
    onnx_file = sample_registry.fetch(classifier.card, MODEL_FILE)

    served = models_of(onnx_file, classifier.card.draft).choose()

    assert GOLDEN_FILE not in served.card.files
    assert served.predict(np.zeros((2, 28, 28), np.uint8)).probabilities.shape == (2, 10)


def test_version_that_fails_never_serves_and_is_reported(
    sample_registry: Registry, golden_file: bytes
) -> None:
    recorder = Recorder()
    served = Served(sample_registry, recorder)
    served.releases.release(golden=off_by(golden_file, 0.5))

    served.models.check()
    served.models.check()

    assert served.version == 1
    assert served.models.is_stale
    assert served.models.loaded() == [1]
    [line] = served.lines
    assert line.startswith("still serving digits version 1: digits version 2 fails its self-test")
    [(version, reason)] = recorder.of("refused")
    assert version == 2
    assert served.models.refused == {2: reason}
    assert "differ by up to 0.5 from" in str(reason)


def test_other_model_in_its_place_never_serves(sample_registry: Registry) -> None:
    served = Served(sample_registry)
    served.releases.release(to_onnx(build(Recipe()), "categorical_cross_entropy"))

    served.models.check()

    assert served.version == 1
    assert "fails its self-test" in served.models.refused[2]
