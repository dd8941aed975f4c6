"""`make run`, the first command of a newcomer: a model at once, a better one without a restart."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.programs import ROOT, SAMPLE, environment, free_port, serving, until

pytestmark = pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="`make run` would make another environment"
)

PIXELS = json.dumps({"pixels": [[255] * 14 + [0] * 14] * 28}).encode()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def env(store: Path, tmp_path: Path) -> dict[str, str]:
    """Settings with which both recipes take a second on the sample."""
    # On a few hundred images, the better recipe is not better.
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": {"require": []}}')
    return environment(
        ZIFFER_STORE=store,
        ZIFFER_POLICY=policy,
        ZIFFER_TRAIN_DATA_DIR=SAMPLE,
        ZIFFER_TRAIN_CHECKSUMS=SAMPLE / "SHA256SUMS",
        ZIFFER_TRAIN_EPOCHS=1,
        ZIFFER_TRAIN_PRINTED_DIGITS=0,
        ZIFFER_TRAIN_NON_DIGITS=0,
        ZIFFER_TRAIN_VALIDATION_SIZE=0,
        ZIFFER_TRAIN_CHECKPOINT_DIR=tmp_path / "checkpoints",
        ZIFFER_TRAIN_CHECKPOINT_INTERVAL_S=0,
        ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.1,
        PORT=free_port(),
    )


def answering_version(url: str) -> int:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/predict", PIXELS, headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request) as response:  # noqa: S310
        version: int = json.load(response)["model"]["version"]
        return version


def recipes(store: Path) -> list[object]:
    """The recipe of each version, oldest first."""
    registry = open_registry(RegistrySettings(store=str(store)))
    versions = sorted(registry.versions("digits"))
    return [registry.card("digits", version).recipe["recipe"] for version in versions]


def test_first_run_serves_a_quick_model_and_then_the_better_one(
    env: dict[str, str], store: Path
) -> None:
    with serving(["make", "run"], env) as (url, _):
        until(lambda: answering_version(url) == 2)
    with serving(["make", "run"], env) as (url, _):
        second_run = answering_version(url)

    assert second_run == 2
    assert recipes(store) == ["textbook", "default"]


def test_ctrl_c_ends_the_training_as_well_and_the_next_run_starts_it_again(
    env: dict[str, str], store: Path, tmp_path: Path
) -> None:
    programs.run("training", "--recipe", "textbook", env=env)
    endless = env | {"ZIFFER_TRAIN_EPOCHS": "100000"}
    with serving(["make", "run"], endless) as (url, process):
        until(lambda: any((tmp_path / "checkpoints").glob("*.pt")))
        first_run = answering_version(url)

    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert first_run == 1
    assert recipes(store) == ["textbook"]

    with serving(["make", "run"], env) as (url, _):
        until(lambda: answering_version(url) == 2)
