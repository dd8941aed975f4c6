"""People see sentences and a table, programs see one JSON object a line."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from tests import programs
from tests.programs import QUICK_RECIPE, ROOT, environment
from training.epoch import Epoch, Score
from training.log import JsonLog, TextLog

EPOCHS = [
    Epoch(1, Score(1.5, 0.5), Score(1.25, 0.625), (0.5, 0.25), 0.5),
    Epoch(2, Score(1.0, 0.75), Score(1.125, 0.75), (0.25, 0.125), 0.5),
]


def test_text_is_a_table_with_a_row_for_each_epoch() -> None:
    stream = io.StringIO()
    log = TextLog(Console(file=stream, width=100))

    passed_on = list(log.show(EPOCHS, done=0, total=2))

    assert passed_on == EPOCHS
    header, first, second = stream.getvalue().splitlines()
    assert header.split() == ["epoch", "loss", "accuracy", "val", "loss", "val", "acc", "seconds"]
    assert first.split() == ["1", "1.5000", "50.00%", "1.2500", "62.50%", "0.50"]
    assert second.split()[0] == "2"


def test_json_has_every_figure_of_an_epoch() -> None:
    stream = io.StringIO()

    list(JsonLog(stream).show(EPOCHS, done=0, total=2))

    first, _ = map(json.loads, stream.getvalue().splitlines())
    assert first["message"] == "epoch 1 of 2"
    assert first["epoch"] == {
        "number": 1,
        "training": [1.5, 0.5],
        "validation": [1.25, 0.625],
        "gradient_sizes": [0.5, 0.25],
        "seconds": 0.5,
    }


def test_output_that_is_no_terminal_is_json(tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=tmp_path, **QUICK_RECIPE)

    training = programs.run("training", "--epochs", 2, env=env)

    lines = [json.loads(line) for line in training.stdout.splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    assert [line["epoch"]["number"] for line in lines if "epoch" in line] == [1, 2]
    (published,) = [line for line in lines if "version" in line]
    assert published["version"] == 1
    assert published["metrics"]["accuracy"] > 0.1


def test_terminal_gets_a_table_and_a_progress_bar(tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=tmp_path, TERM="xterm", COLUMNS="120", **QUICK_RECIPE)
    ours, theirs = pty.openpty()

    with subprocess.Popen(
        [sys.executable, "-m", "training", "--epochs", "2", "--no-promote"],
        cwd=ROOT,
        env=env,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        output = read_to_the_end(ours)

    assert "published digits version 1: test accuracy" in output
    assert "━" in output
    assert "{" not in output


def read_to_the_end(terminal: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way of saying that the other end is closed.
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts).decode()
        parts.append(part)
