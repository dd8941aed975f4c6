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
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the default recipe's model, trained on the whole of MNIST."""
    directory = tmp_path_factory.mktemp("registry")
    training = programs.run("training", env=environment(ZIFFER_STORE=directory))
    assert training.returncode == 0, training.stderr
    return directory


def card_of(store: Path) -> ModelCard:
    registry = open_registry(RegistrySettings(store=str(store)))
    return registry.resolve("digits", "production").card


def test_textbook_recipe_has_the_textbook_accuracy(store: Path) -> None:
    card = card_of(store)

    assert 0.942 <= card.metrics["accuracy"] <= 0.959
    assert card.metrics["parity_max_abs_error"] <= 2e-6
    assert card.lineage.data == mnist.CHECKSUMS


def test_training_again_gives_the_same_bytes(store: Path, tmp_path: Path) -> None:
    assert programs.run("training", env=environment(ZIFFER_STORE=tmp_path)).returncode == 0

    assert card_of(tmp_path).files == card_of(store).files


def test_ten_digits_are_read_by_curl(store: Path) -> None:
    env = environment(ZIFFER_STORE=store, PORT=free_port())

    with serving([sys.executable, "-m", "service"], env) as (url, _):
        for digit in range(10):
            picture = ROOT / f"docs/digits/{digit}.png"
            command = ["curl", "--silent", "--data-binary", f"@{picture}", f"{url}/predict"]
            answer = subprocess.run(command, capture_output=True, check=True).stdout
            assert Prediction.model_validate_json(answer).digit == digit
