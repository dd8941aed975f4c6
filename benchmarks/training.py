"""Measure training against Keras, a textbook's PyTorch loop, and the floor: its bare products.

    python -m benchmarks.training [--rounds 20] [--json FILE]

Everyone trains the textbook's network, 60,000 images in minibatches of 128, and validates on
10,000 after each epoch, on one thread. All contenders take turns in every round, in an order drawn
anew, so that a busy moment hits them alike; they live on between their turns. What counts is CPU
time. `make bench-training` installs Keras into an environment of its own.
"""

import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import numpy as np

from benchmarks.goals import Goals, parser, quotients
from benchmarks.training_contenders import RSS_UNIT, Data
from training.data import DataSettings, load_digits

ROOT = Path(__file__).parent.parent
KERAS_PYTHON = ROOT / ".venv-bench/bin/python"

LOADED_EPOCHS = 5
WHOLE_PROGRAMS = 3
GPU_RUNS = 5

# Goals; what is missed is printed as missed.
TIMES_AS_FAST_AS = {"keras": 4.0, "pytorch": 5.0}
PEERS = {"keras": "Keras on tensorflow-cpu", "pytorch": "a textbook PyTorch loop"}
SHARE_OF_FLOOR = 0.6
WHOLE_PROGRAM_MIB = 400
CPU_UNDER_LOAD = 1.3
WALL_UNDER_LOAD = 1.5
GPU_S = 1.0


class Turn(NamedTuple):
    """What one epoch took; `peak_mib` is the process's largest resident set so far."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    accuracy: float | None


class Contender:
    """A process that trains for one epoch whenever it is told to."""

    def __init__(self, name: str, python: Path, data: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.training_contenders", name, data],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def epoch(self) -> Turn:
        """Train once; returns when the epoch is over."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"{self.name} has ended: see above"
        return Turn(**json.loads(answer))

    def __enter__(self) -> "Contender":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def main() -> int:
    """Measure, print, and say which goals are missed."""
    given = parser(__doc__, rounds=20).parse_args()
    goals = Goals("the textbook recipe, CPU time on one thread, validation after each epoch")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = write_data(directory / "mnist.npz")
        contenders = {
            name: stack.enter_context(Contender(name, python, data))
            for name, python in installed(goals)
        }
        print(f"{platform.machine()}, {os.cpu_count()} cores, one thread, {given.rounds} rounds")
        report(measure(list(contenders.values()), given.rounds), goals)
        report_under_load(contenders["ours"], contenders["products"], goals)
        report_whole_program(directory, goals)
        report_gpu(data, goals)
    print(goals.summary())
    goals.write(given.json)
    return 0


def write_data(path: Path) -> Path:
    """MNIST in one file for all contenders: validation is on the test images."""
    digits = load_digits(DataSettings(), print)
    data = Data(digits.train.images, digits.train.labels, digits.test.images, digits.test.labels)
    np.savez(path, **data._asdict())
    return path


def installed(goals: Goals) -> Iterator[tuple[str, Path]]:
    """Name and interpreter of each contender."""
    own = Path(sys.executable)
    yield "ours", own
    yield "pytorch", own
    yield "products", own
    if KERAS_PYTHON.exists():
        yield "keras", KERAS_PYTHON
    else:
        goals.skip("against Keras: not installed (make bench-training installs it)")


def measure(contenders: Sequence[Contender], rounds: int) -> dict[str, list[Turn]]:
    """The turns of each contender; the first round warms up and does not count."""
    turns: dict[str, list[Turn]] = {one.name: [] for one in contenders}
    for round_ in range(rounds + 1):
        for one in random.sample(contenders, len(contenders)):
            turn = one.epoch()
            turns[one.name] += [turn] if round_ else []
    for name, of in turns.items():
        assert of[-1].accuracy is None or of[-1].accuracy > 0.6, f"{name} does not learn"
    return turns


def report(turns: dict[str, list[Turn]], goals: Goals) -> None:
    """Print each contender's figures, and their ratios to ours within the same round."""
    print("CPU seconds an epoch: median, quartiles, fastest; then peak memory")
    seconds = {name: [turn.cpu_s for turn in of] for name, of in turns.items()}
    for name, of in seconds.items():
        print(f"  {name:9} {spread(of)}  {min(of):.3f}   {turns[name][-1].peak_mib:5.0f} MiB")
    print(goals.figure("an epoch of ours", seconds["ours"], "s"))
    for name, times in TIMES_AS_FAST_AS.items():
        if name in turns:
            found = quotients(seconds[name], seconds["ours"])
            print(goals.at_least(f"{PEERS[name]} / ours", found, times))
    found = quotients(seconds["products"], seconds["ours"])
    print(goals.at_least("the bare matrix products / ours", found, SHARE_OF_FLOOR))


def spread(values: Sequence[float]) -> str:
    """Median and quartiles, of a single value itself."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):.3f} ({low:.3f} to {high:.3f}; n = {len(values)})"


def report_under_load(ours: Contender, products: Contender, goals: Goals) -> None:
    """What an epoch of ours takes while every core has something else to do.

    Threads that spin while they wait for each other would take many times the CPU time. How long
    one waits for a core depends on whatever else runs here, so the bare products, on one thread
    and without a library's pool of them, tell what is fair.
    """
    quiet = [ours.epoch() for _ in range(LOADED_EPOCHS)]
    with busy_cores():
        loaded, fair = zip(*((ours.epoch(), products.epoch()) for _ in quiet), strict=True)
    cpu = quotients([turn.cpu_s for turn in loaded], [turn.cpu_s for turn in quiet])
    slowdowns = [[turn.wall_s / turn.cpu_s for turn in turns] for turns in (loaded, fair)]
    print(f"with a busy process on each of {os.cpu_count()} cores")
    print(f"  wall time / CPU time of ours: {spread(slowdowns[0])}")
    print(f"  wall time / CPU time of the products: {spread(slowdowns[1])}")
    print(goals.at_most("an epoch on busy cores / on quiet ones", cpu, CPU_UNDER_LOAD))
    wall = quotients(*slowdowns)
    print(goals.at_most("waiting on busy cores / the bare products'", wall, WALL_UNDER_LOAD))


@contextmanager
def busy_cores() -> Iterator[None]:
    """As many processes that do nothing but work as there are cores."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def report_whole_program(directory: Path, goals: Goals) -> None:
    """CPU time and peak memory of `python -m training`, imports and publication included."""
    env = os.environ | {"ZIFFER_STORE": str(directory / "registry")}
    command = [sys.executable, "-m", "training", "--recipe", "textbook", "--no-promote"]
    usages = [usage_of(command, env) for _ in range(WHOLE_PROGRAMS)]
    peaks = [usage.ru_maxrss * RSS_UNIT / 2**20 for usage in usages]
    seconds = [usage.ru_utime + usage.ru_stime for usage in usages]
    program = "python -m training, 30 epochs without validation"
    print(goals.figure(f"{program}, CPU time", seconds, "s"))
    print(goals.at_most(f"{program}, peak memory", peaks, WHOLE_PROGRAM_MIB, "MiB"))


def usage_of(command: Sequence[str], env: Mapping[str, str]) -> resource.struct_rusage:
    """What one run of a program took.

    A child's peak begins at what this process held when it was started, which is less than what
    any program that imports torch needs.
    """
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed"
    return usage


def report_gpu(data: Path, goals: Goals) -> None:
    """The loop alone on a GPU; the first epoch, which prepares everything, is not counted."""
    import torch  # Only now: see usage_of.

    if not torch.cuda.is_available():
        goals.skip("on a GPU: there is none")
        return
    with Contender("gpu", Path(sys.executable), data) as contender:
        contender.epoch()
        seconds = [sum(contender.epoch().wall_s for _ in range(30)) for _ in range(GPU_RUNS)]
    gpu = torch.cuda.get_device_name()
    print(
        goals.at_most(f"30 epochs with validation on a GPU ({gpu}), wall time", seconds, GPU_S, "s")
    )


if __name__ == "__main__":
    sys.exit(main())
