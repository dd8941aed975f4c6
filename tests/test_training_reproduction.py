"""A version is trained again from its card alone: the same bytes, or a report of what differs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry.card import DraftCard, Lineage, ModelCard
from registry.catalog import Registry
from registry.configuration import SettingsError
from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.programs import QUICK_RECIPE, ROOT, SAMPLE
from training.data import DataSettings
from training.errors import TrainingError
from training.mnist import DatasetError
from training.reproduction import recipe_of, reproduce, unlike

ON_SAMPLE = DataSettings(data_dir=SAMPLE)


@pytest.fixture
def registry(sample_store: Path, tmp_path: Path) -> Registry:
    """A registry of one's own that holds a version which was trained on the sample."""
    shutil.copytree(sample_store, tmp_path / "store")
    return open_registry(RegistrySettings(store=str(tmp_path / "store")))


@pytest.fixture
def card(registry: Registry) -> ModelCard:
    return registry.card("digits", 1)


def changed(card: ModelCard, **recipe: object) -> ModelCard:
    return card.model_copy(update={"recipe": card.recipe | recipe})


def published(registry: Registry, card: ModelCard, **changes: Any) -> ModelCard:  # noqa: ANN401
    """The files of `card` as another version, of which the draft says something else."""
    files = {name: registry.fetch(card, name) for name in card.files}
    draft = DraftCard.model_validate(card.draft.model_dump() | changes)
    return registry.publish("digits", files, draft)


def reproduce_by_command(registry: Registry, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The whole environment of the training: what belongs to the recipe is of no account.
    env = programs.environment(**QUICK_RECIPE, ZIFFER_TRAIN_EPOCHS=1)
    return programs.run(
        "registry", "reproduce", *arguments, "--store", registry.store.address, env=env
    )


def test_command_finds_the_same_bytes(registry: Registry, card: ModelCard) -> None:
    told = reproduce_by_command(registry, "production")

    assert told.returncode == 0, told.stderr
    digest = card.files["model.onnx"].digest
    assert f"model.onnx: same, sha256 {digest}" in told.stdout.splitlines()
    assert "differs" not in told.stdout
    assert "training digits version 1 again, 30 epochs" in told.stderr


def test_command_tells_how_a_forged_version_differs(registry: Registry, card: ModelCard) -> None:
    forged = published(registry, card, recipe=card.recipe | {"seed": 1, "epochs": 2})

    told = reproduce_by_command(registry, str(forged.version), "--json")

    assert told.returncode == 5
    document = json.loads(told.stdout)
    assert (document["is_same"], document["version"]) == (False, 2)
    [file] = [file for file in document["files"] if file["file"] == "model.onnx"]
    assert file["largest_difference"] > 0.1
    assert file["registered_accuracy"] == card.metrics["accuracy"] > file["repeated_accuracy"]


def test_failure_of_training_is_passed_through(registry: Registry, card: ModelCard) -> None:
    other = published(registry, card, recipe={})

    told = reproduce_by_command(registry, str(other.version))

    assert told.returncode == 1
    assert "is of another release" in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


def test_command_needs_training(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "registry", tmp_path / "registry")

    told = subprocess.run(
        [sys.executable, "-m", "registry", "reproduce"],
        cwd=tmp_path,
        env=programs.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert "training is not installed here" in told.stderr


def test_difference_is_told_in_one_line(registry: Registry, card: ModelCard) -> None:
    found = reproduce(registry, changed(card, epochs=1), ON_SAMPLE, report=lambda message: None)

    assert not found.is_same
    told = "\n".join(map(str, found.files))
    assert "model.onnx: differs, probabilities by up to 0." in told


def test_recipe_is_that_of_the_card(card: ModelCard) -> None:
    assert recipe_of(card).model_dump(mode="json") == card.recipe
    assert recipe_of(changed(card, seed=5)).seed == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 0.5}, "dropout is no setting of it"),
        ({"width": 0}, "width: Input should be greater than or equal to 1"),
        ({"optimizer": "lion"}, "optimizer: Input should be"),
    ],
)
def test_recipe_of_another_release_is_refused(
    card: ModelCard, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingError, match=f"is of another release.*{message}.*Check out"):
        recipe_of(changed(card, **changes))


def test_recipe_that_leaves_something_open_is_refused(card: ModelCard) -> None:
    recipe = {name: value for name, value in card.recipe.items() if name != "loss"}

    with pytest.raises(TrainingError, match="the card does not say loss"):
        recipe_of(card.model_copy(update={"recipe": recipe}))


def of_data(card: ModelCard, data: dict[str, str]) -> ModelCard:
    lineage = card.lineage.model_copy(update={"data": data})
    return card.model_copy(update={"lineage": lineage})


def test_other_data_are_refused(registry: Registry, card: ModelCard, tmp_path: Path) -> None:
    other = of_data(card, dict.fromkeys(card.lineage.data, "0" * 64))
    settings = ON_SAMPLE.model_copy(update={"data_cache_dir": tmp_path})

    with pytest.raises(DatasetError, match="wrong SHA-256"):
        reproduce(registry, other, settings, report=lambda message: None)


def test_checksums_of_other_data_are_refused(registry: Registry, card: ModelCard) -> None:
    other = of_data(card, dict.fromkeys(card.lineage.data, "0" * 64))
    settings = ON_SAMPLE.model_copy(update={"checksums": SAMPLE / "SHA256SUMS"})

    with pytest.raises(SettingsError, match="names other files than those that digits version 1"):
        reproduce(registry, other, settings, report=lambda message: None)


def test_data_of_another_kind_are_refused(registry: Registry, card: ModelCard) -> None:
    with pytest.raises(TrainingError, match="was trained on letters, which this release does not"):
        reproduce(registry, of_data(card, {"letters": "0" * 64}), ON_SAMPLE, report=pytest.fail)


def test_model_without_this_contract_is_refused(registry: Registry, card: ModelCard) -> None:
    other = card.model_copy(update={"files": {"weights.bin": card.files["model.onnx"]}})

    with pytest.raises(TrainingError, match="is no model as this release makes them"):
        reproduce(registry, other, ON_SAMPLE, report=pytest.fail)


HERE = Lineage(
    data={},
    seed=0,
    git_commit="abc",
    git_dirty=False,
    packages={"torch": "2.13.0"},
    python="3.11.7",
    hardware="x86_64 CPU",
    device="cpu",
    threads=1,
    processes=1,
)


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        ({}, []),
        ({"packages": {"torch": "2.12.0"}}, ["torch was 2.12.0, here it is 2.13.0"]),
        ({"git_commit": "def"}, ["the commit was def, here it is abc"]),
        ({"git_dirty": True}, ["the code had changes then that are in no commit"]),
        ({"threads": None}, ["the number of threads was not recorded, here it is 1"]),
        (
            {"device": "cuda", "hardware": "H100"},
            [
                "the hardware was H100, here it is x86_64 CPU",
                "the device was cuda, here it is cpu, so equal bytes are not to be expected",
            ],
        ),
        (
            {"processes": 4},
            ["the number of processes was 4, here it is 1, so equal bytes are not to be expected"],
        ),
    ],
)
def test_whatever_is_unlike_the_first_training_is_told(
    changes: dict[str, object], warnings: list[str]
) -> None:
    assert list(unlike(HERE.model_copy(update=changes), HERE)) == warnings
