"""Measure batch prediction against bare onnxruntime.

    python -m benchmarks.batch_prediction [--rounds 7]

Arrays and pictures in a directory become parts in another one, written and synced as always. All
contenders take turns in every round, in an order drawn anew, so that a busy moment hits them alike.
Bare onnxruntime has its images in memory, in the same batches on the same one thread, and throws
its answers away.
"""

import os
import platform
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

import numpy as np
import onnxruntime

from benchmarks.goals import Goals, parser, quotients
from benchmarks.service import trained
from registry.contract import INPUT_NAME, MODEL_FILE
from registry.settings import RegistrySettings, open_registry, open_store
from service.batch_prediction.inputs import inputs_below
from service.batch_prediction.prediction import AT_ONCE, open_predictor
from service.batch_prediction.run import begin_or_join
from service.batch_prediction.settings import BatchSettings
from service.batch_prediction.units import divide
from tests import programs

IMAGES = 131_072
PICTURES = 1_000

Format = Literal["jsonl", "parquet"]


class Taken(NamedTuple):
    """What one turn took, in seconds."""

    cpu_s: float
    wall_s: float


def main() -> int:
    """Measure, print, and say which goals are missed."""
    given = parser(__doc__, rounds=7).parse_args()
    rounds = given.rounds
    goals = Goals("one thread, images a second")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {rounds} rounds: median (least - most)")
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        store = trained(folder / "registry")
        arrays, pictures = made_inputs(folder)
        formats: list[Format] = ["jsonl", "parquet"] if find_spec("pyarrow") else ["jsonl"]
        if len(formats) == 1:
            goals.skip("Parquet: pyarrow is not installed")
        work: dict[str, tuple[Callable[[], Taken], int]] = {
            "bare onnxruntime": (bare(store, arrays), IMAGES),
            **{
                f"array, {form}": (predicted(store, arrays, folder, form), IMAGES)
                for form in formats
            },
            "pictures, jsonl": (predicted(store, pictures, folder, "jsonl"), PICTURES),
            **{
                f"the program, {count} process{'es' * (count > 1)}": (
                    program(store, arrays, folder, count),
                    IMAGES,
                )
                for count in (1, 2)
            },
        }
        report(in_turns({name: turn for name, (turn, _) in work.items()}, rounds), work, goals)
    print(goals.summary())
    goals.write(given.json)
    return 0


def made_inputs(folder: Path) -> tuple[Path, Path]:
    """A folder with one array of random digits, four fifths paper, and one of drawn pictures."""
    arrays, pictures = folder / "arrays", folder / "pictures"
    arrays.mkdir()
    pictures.mkdir()
    random_numbers = np.random.default_rng(0)
    images = random_numbers.integers(0, 256, (IMAGES, 28, 28), np.uint8)
    images[random_numbers.integers(0, 5, images.shape, np.uint8) > 0] = 0
    np.save(arrays / "digits.npy", images)
    drawn = sorted((programs.ROOT / "docs/digits").glob("[0-9].png"))
    for number in range(PICTURES):
        shutil.copy(drawn[number % len(drawn)], pictures / f"{number}.png")
    return arrays, pictures


def bare(store: Path, arrays: Path) -> Callable[[], Taken]:
    """The network alone."""
    registry = open_registry(RegistrySettings(store=str(store)))
    card = registry.resolve("digits", "production").card
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(registry.fetch(card, MODEL_FILE), options)
    images = np.load(arrays / "digits.npy")

    def turn() -> Taken:
        began = _now()
        for start in range(0, len(images), AT_ONCE):
            session.run(None, {INPUT_NAME: images[start : start + AT_ONCE]})
        return _since(began)

    return turn


def predicted(store: Path, source: Path, folder: Path, form: Format) -> Callable[[], Taken]:
    """All that one process does with its units, once it runs."""

    def turn() -> Taken:
        with tempfile.TemporaryDirectory(dir=folder) as output:
            settings = BatchSettings(
                registry=RegistrySettings(store=str(store)),
                input=str(source),
                output=output,
                format=form,
            )
            inputs = inputs_below(open_store(settings.source))
            registry = open_registry(settings.registry)
            agreed, card = begin_or_join(open_store(settings.target), registry, settings, inputs)
            predictor = open_predictor(settings, agreed, card)
            units = divide(
                inputs.files,
                images_per_part=settings.images_per_part,
                files_per_part=settings.files_per_part,
            )
            began = _now()
            errors = sum(predictor.predict(unit).errors for unit in units)
            taken = _since(began)
            assert errors == 0
            return taken

    return turn


def program(store: Path, arrays: Path, folder: Path, processes: int) -> Callable[[], Taken]:
    """The whole program, from its start to its end; CPU time is that of all its processes."""

    def turn() -> Taken:
        with tempfile.TemporaryDirectory(dir=folder) as output:
            before, began = _children_cpu_s(), time.perf_counter()
            done = programs.run(
                "service.batch_prediction",
                *(arrays, output, "--processes", processes, "--quiet"),
                env=programs.environment(ZIFFER_STORE=store),
            )
            taken = Taken(_children_cpu_s() - before, time.perf_counter() - began)
            assert done.returncode == 0, done.stderr
            return taken

    return turn


def in_turns(work: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """What each took in every round; the first is thrown away: everyone warms up."""
    taken: dict[str, list[Taken]] = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name in random.sample(list(work), len(work)):
            taken[name].append(work[name]())
    return {name: turns[1:] for name, turns in taken.items()}


def report(
    taken: Mapping[str, list[Taken]],
    work: Mapping[str, tuple[Callable[[], Taken], int]],
    goals: Goals,
) -> None:
    """A line for each contender, and how the goals were met."""
    print(
        f"\nImages a second of CPU, and by the clock (arrays: {IMAGES:,}, pictures: {PICTURES:,})"
    )
    for name, turns in taken.items():
        count = work[name][1]
        cpu, wall = ([count / turn[which] for turn in turns] for which in (0, 1))
        print(f"  {name:24} {_spread(cpu)}   {_spread(wall)}")
    floor = taken["bare onnxruntime"]
    for name in taken:
        if name.startswith("array"):
            # Within each round, as the machine is not the same in all.
            for which, what in enumerate(("CPU", "the clock")):
                ratios = quotients(
                    *([turn[which] for turn in each] for each in (floor, taken[name]))
                )
                print(goals.at_least(f"{name} / bare onnxruntime, by {what}", ratios, 0.5))


def _now() -> Taken:
    return Taken(time.process_time(), time.perf_counter())


def _since(began: Taken) -> Taken:
    now = _now()
    return Taken(now.cpu_s - began.cpu_s, now.wall_s - began.wall_s)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _spread(values: list[float]) -> str:
    return f"{median(values):10,.0f} ({min(values):,.0f} - {max(values):,.0f})"


if __name__ == "__main__":
    sys.exit(main())
