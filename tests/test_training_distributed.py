"""Several processes train what one would, to the rounding, and one of them publishes it."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.card import ModelCard
from registry.settings import RegistrySettings, open_registry
from tests.programs import QUICK_RECIPE, ROOT, environment, free_port, run
from training.distributed import Group
from training.errors import TrainingError
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.train import Training


def command(processes: int, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nproc-per-node", str(processes), "--master-port", str(free_port())),
        *("-m", "training", *arguments),
    ]


def settings(store: Path) -> dict[str, str]:
    return environment(
        ZIFFER_STORE=store,
        ZIFFER_TRAIN_CHECKPOINT_DIR=store.parent / "checkpoints",
        ZIFFER_TRAIN_CHECKPOINT_INTERVAL_S=0,
        OMP_NUM_THREADS=1,
        **QUICK_RECIPE,
    )


def torchrun(processes: int, *arguments: str, store: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(processes, *arguments),
        cwd=ROOT,
        env=settings(store),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def cards(store: Path) -> list[ModelCard]:
    registry = open_registry(RegistrySettings(store=str(store)))
    return [registry.card("digits", version) for version in registry.versions("digits")]


def test_two_processes_reach_the_accuracy_of_one(tmp_path: Path) -> None:
    together = torchrun(2, "--epochs", "15", store=tmp_path / "together")
    alone = run(
        "training", "--epochs", 15, env=environment(ZIFFER_STORE=tmp_path / "alone", **QUICK_RECIPE)
    )

    assert together.returncode == alone.returncode == 0, together.stderr
    (of_two,), (of_one,) = cards(tmp_path / "together"), cards(tmp_path / "alone")
    assert of_two.lineage.processes == 2
    assert of_two.metrics["accuracy"] == pytest.approx(of_one.metrics["accuracy"], abs=0.03)
    assert of_two.metrics["accuracy"] > 0.8


def test_killed_processes_go_on_to_the_same_bytes(tmp_path: Path) -> None:
    # Each process draws its own distortions and its own hard images.
    recipe = ("--epochs", "40", "--augmentation", "mild", "--epoch-share", "0.5")
    killed = subprocess.Popen(
        command(2, *recipe),
        cwd=ROOT,
        env=settings(tmp_path / "killed"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert killed.stdout
    # A page of unread output stops the run, however late this process comes to read it.
    fcntl.fcntl(killed.stdout, fcntl.F_SETPIPE_SZ, 4096)
    for line in killed.stdout:
        if b"epoch 4 of 40" in line:
            for process in (
                Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
            ):
                os.kill(int(process), signal.SIGKILL)
            break
    killed.communicate()
    assert killed.returncode != 0

    resumed = torchrun(2, *recipe, "--resume", store=tmp_path / "killed")
    whole = torchrun(2, *recipe, store=tmp_path / "whole")

    assert resumed.returncode == whole.returncode == 0, resumed.stderr
    assert "resumed after epoch" in resumed.stdout
    (of_resumed,), (of_whole,) = cards(tmp_path / "killed"), cards(tmp_path / "whole")
    assert of_resumed.files["model.onnx"] == of_whole.files["model.onnx"]


def test_processes_that_do_not_find_each_other_say_so(tmp_path: Path) -> None:
    env = settings(tmp_path) | {"WORLD_SIZE": "2", "RANK": "0"}

    alone = run("training", "--epochs", 1, env=env)

    assert alone.returncode == 1
    assert "start them by torchrun, or unset WORLD_SIZE" in alone.stderr
    assert "Traceback" not in alone.stderr


def test_only_the_leader_speaks(tmp_path: Path) -> None:
    together = torchrun(2, "--epochs", "2", "--no-promote", store=tmp_path)

    assert together.returncode == 0, together.stderr
    assert together.stdout.count("epoch 1 of 2") == 1
    assert together.stdout.count("published digits version 1") == 1


def test_minibatch_that_cannot_be_shared_is_refused(sample: Mnist) -> None:
    recipe = Recipe(batch_size=20)

    with pytest.raises(TrainingError, match="--batch-size is 20, which 3 processes cannot share"):
        Training(build(recipe), sample.train, recipe, Group(rank=0, size=3))


def test_alone_is_a_group_of_one() -> None:
    assert Group().leads
    assert Group().total(1.5, 2) == [1.5, 2]
