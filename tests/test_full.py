"""What only the whole of MNIST can show: the textbook's accuracy, and answers for real digits."""

import subprocess
import sys
from pathlib import Path

import pytest

from registry.card import ModelCard
from registry.settings import RegistrySettings, open_registry
from service.schemas import Prediction
from tests import programs
from tests.programs import ROOT, environment, free_port, serving
from training import mnist

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the textbook recipe's model, trained on the whole of MNIST."""
    return trained(tmp_path_factory.mktemp("textbook"), "textbook")


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the default recipe's model, trained on the whole of MNIST."""
    return trained(tmp_path_factory.mktemp("default"), "default")


def trained(store: Path, recipe: str) -> Path:
    training = programs.run(
        "training", "--recipe", recipe, env=environment(ZIFFER_STORE=store), timeout_s=1800
    )
    assert training.returncode == 0, training.stderr
    return store


def card_of(store: Path) -> ModelCard:
    registry = open_registry(RegistrySettings(store=str(store)))
    return registry.resolve("digits", "production").card


def test_textbook_recipe_has_the_textbook_accuracy(textbook: Path) -> None:
    card = card_of(textbook)

    assert 0.942 <= card.metrics["accuracy"] <= 0.959
    assert card.metrics["parity_max_abs_error"] <= 2e-6
    assert card.lineage.data == mnist.CHECKSUMS


def test_textbook_version_is_reproduced_byte_for_byte(textbook: Path) -> None:
    told = programs.run("registry", "reproduce", env=environment(ZIFFER_STORE=textbook))

    assert told.returncode == 0, told.stdout + told.stderr
    assert "model.onnx: same" in told.stdout
    assert "model.int8.onnx: same" in told.stdout


def test_default_recipe_is_accurate_calibrated_and_small(default: Path) -> None:
    card = card_of(default)

    assert card.metrics["accuracy"] >= 0.99
    assert card.metrics["calibration_error"] <= 0.005
    assert card.metrics["int8_accuracy"] >= card.metrics["accuracy"] - 0.0005
    assert card.files["model.int8.onnx"].size_bytes <= 60_000


def test_default_recipe_knows_what_is_no_digit(default: Path) -> None:
    card = card_of(default)

    assert card.metrics["not_a_digit_auroc"] >= 0.97
    assert card.metrics["digits_taken_for_none"] <= 0.02


def test_ten_digits_are_read_by_curl(default: Path) -> None:
    env = environment(ZIFFER_STORE=default, PORT=free_port())

    with serving([sys.executable, "-m", "service"], env) as (url, _):
        for digit in range(10):
            picture = ROOT / f"docs/digits/{digit}.png"
            command = ["curl", "--silent", "--data-binary", f"@{picture}", f"{url}/predict"]
            answer = subprocess.run(command, capture_output=True, check=True).stdout
            prediction = Prediction.model_validate_json(answer)
            assert prediction.digit == digit
            assert prediction.not_a_digit is not None
            assert prediction.not_a_digit < 0.5
