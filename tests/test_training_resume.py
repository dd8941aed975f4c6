"""A run that was stopped, however rudely, goes on to the very bytes that it would have made."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from registry.card import ModelCard
from registry.local import temporary_file
from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.programs import QUICK_RECIPE, ROOT, environment
from training.checkpoint import Checkpoint
from training.errors import TrainingError
from training.mnist import Mnist
from training.network import build
from training.optimizers import OPTIMIZERS, OptimizerName
from training.recipe import Recipe
from training.train import Training

LONG = ("--epochs", "60", "--optimizer", "adam", "--learning-rate", "0.001")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(
        ZIFFER_STORE=tmp_path / "registry",
        ZIFFER_TRAIN_CHECKPOINT_DIR=tmp_path / "checkpoints",
        ZIFFER_TRAIN_CHECKPOINT_INTERVAL_S=0,
        **QUICK_RECIPE,
    )


def card(env: Mapping[str, str], version: int) -> ModelCard:
    return open_registry(RegistrySettings(store=env["ZIFFER_STORE"])).card("digits", version)


def stopped_in(epoch: int, stop: signal.Signals, env: Mapping[str, str]) -> int:
    """Start a long run, send it `stop` after that epoch, and return its exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *LONG],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert process.stdout
    # A page of unread output stops the run, however late this process comes to read it.
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    for line in process.stdout:
        if json.loads(line).get("epoch", {}).get("number") == epoch:
            process.send_signal(stop)
            break
    process.communicate()
    return process.returncode


@pytest.mark.parametrize(
    ("stop", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_resumed_run_makes_the_same_bytes(
    stop: signal.Signals, status: int, env: dict[str, str], tmp_path: Path
) -> None:
    assert stopped_in(5, stop, env) == status

    resumed = programs.run("training", *LONG, "--resume", env=env)

    assert resumed.returncode == 0, resumed.stderr
    epochs = [json.loads(line).get("epoch") for line in resumed.stdout.splitlines()]
    assert 5 <= next(epoch["number"] for epoch in epochs if epoch) <= 60
    whole = programs.run("training", *LONG, env=env)
    assert whole.returncode == 0, whole.stderr
    assert card(env, 1).files["model.onnx"] == card(env, 2).files["model.onnx"]
    assert card(env, 1).metrics == card(env, 2).metrics
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_run_with_other_settings_does_not_go_on_from_here(env: dict[str, str]) -> None:
    stopped_in(5, signal.SIGKILL, env)

    other = programs.run("training", *LONG, "--seed", 1, "--resume", env=env)

    (first, *_) = [line for line in map(json.loads, other.stdout.splitlines()) if "epoch" in line]
    assert first["epoch"]["number"] == 1


def test_damaged_checkpoint_is_named(env: dict[str, str], tmp_path: Path) -> None:
    stopped_in(5, signal.SIGKILL, env)
    (checkpoint,) = (tmp_path / "checkpoints").glob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])

    resumed = programs.run("training", *LONG, "--resume", env=env)

    assert resumed.returncode == 1
    assert f"cannot read the checkpoint {checkpoint}" in resumed.stderr
    assert "Traceback" not in resumed.stderr


def test_checkpoint_that_cannot_be_written_does_not_end_the_run(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").write_text("a file where a directory should be")

    training = programs.run("training", "--epochs", 2, env=env)

    assert training.returncode == 0, training.stderr
    assert "cannot write the checkpoint" in training.stdout


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_state_is_all_that_the_rest_depends_on(optimizer: OptimizerName, sample: Mnist) -> None:
    recipe = Recipe(
        optimizer=optimizer,
        learning_rate=0.01,
        epochs=6,
        augmentation="mild",
        averaging=0.9,
        schedule="cosine",
        validation_size=100,
        patience=3,
        printed_digits=20,
        non_digits=20,
    )
    whole = Training(build(recipe), sample.train, recipe)
    epochs = whole.epochs()
    for _ in range(3):
        next(epochs)
    state = torch.utils._pytree.tree_map(
        lambda value: value.clone() if isinstance(value, torch.Tensor) else value, whole.state()
    )
    list(epochs)

    resumed = Training(build(recipe), sample.train, recipe)
    resumed.restore(state)
    list(resumed.epochs())

    assert torch.equal(resumed.network.parameters, whole.network.parameters)
    assert [epoch.training for epoch in resumed.history] == [e.training for e in whole.history]


def test_checkpoint_is_replaced_wholly_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path, {"seed": 0}, interval_s=0)
    checkpoint.save({"steps": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        checkpoint.save({"steps": 2})

    assert checkpoint.load() == {"steps": 1}
    assert [path.suffix for path in tmp_path.iterdir()] == [".pt"]


def test_what_a_killed_writer_left_goes_with_its_checkpoint(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {"seed": 0}, interval_s=0)
    other = Checkpoint(tmp_path, {"seed": 1}, interval_s=0)
    for path in (checkpoint.path, other.path):
        with temporary_file(path, b"half of a state") as temporary:
            temporary.with_name(f"{temporary.name}0").hardlink_to(temporary)
    other.save({"steps": 1})

    checkpoint.remove()

    assert len(list(tmp_path.iterdir())) == 2
    other.remove()
    assert list(tmp_path.iterdir()) == []
