"""Run all benchmarks, and write one table of what they found: `make bench`.

    python -m benchmarks [--quick] [--only NAME …]

takes about twelve minutes on a quiet machine; --quick takes three, and its figures say little.
What is not installed is not measured, and the table says so. With --only, the figures of the other
benchmarks stay as they were. Goals that are missed are no failure: 1 means that a benchmark ended
without figures.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import table
from benchmarks.goals import Measurements
from benchmarks.machine import ROOT, this_machine
from benchmarks.table import Results, Run


class Benchmark(NamedTuple):
    """A program that takes --json, with the flags for a whole run and for a quick one."""

    module: str
    thorough: tuple[str, ...]
    quick: tuple[str, ...]


BENCHMARKS = {
    "Registry": Benchmark("benchmarks.registry", ("--rounds=30",), ("--rounds=3",)),
    "Training": Benchmark("benchmarks.training", ("--rounds=20",), ("--rounds=3",)),
    "Service": Benchmark("benchmarks.service", ("--rounds=5",), ("--rounds=1",)),
    "Cold start": Benchmark("benchmarks.cold_start", ("--rounds=9",), ("--rounds=1",)),
    "Batch prediction": Benchmark("benchmarks.batch_prediction", ("--rounds=7",), ("--rounds=1",)),
    "Reading real digits": Benchmark("benchmarks.real_digits", ("--number=200",), ("--number=10",)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, keep the figures, and write the table."""
    given = _arguments(argv)
    machine = this_machine()
    names = given.only or list(BENCHMARKS)
    found = {
        name: Run(found=measurements, machine=machine, is_quick=given.quick)
        for name, measurements in measured(names, quick=given.quick)
    }
    results = merged(found)
    table.RESULTS.write_text(results.model_dump_json(indent=1) + "\n")
    table.write(results)
    print(f"\nwritten to {table.PAGE.relative_to(ROOT)}")
    missing = [name for name in names if name not in found]
    if missing:
        print(f"without figures, see above: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


def measured(names: Sequence[str], *, quick: bool) -> Iterator[tuple[str, Measurements]]:
    """What each benchmark found; one that fails is left out."""
    with tempfile.TemporaryDirectory() as directory:
        for number, name in enumerate(names):
            benchmark = BENCHMARKS[name]
            file = Path(directory) / f"{number}.json"
            flags = benchmark.quick if quick else benchmark.thorough
            print(f"\n{name}: python -m {benchmark.module} {' '.join(flags)}", flush=True)
            command = [sys.executable, "-m", benchmark.module, *flags, f"--json={file}"]
            subprocess.run(command, cwd=ROOT, check=False)
            if file.exists():
                yield name, Measurements.model_validate_json(file.read_text())


def merged(found: dict[str, Run]) -> Results:
    """The new figures, and of benchmarks that did not run now those of the run before."""
    if table.RESULTS.exists():
        before = Results.model_validate_json(table.RESULTS.read_text())
        found = before.benchmarks | found
    return Results(benchmarks={name: found[name] for name in BENCHMARKS if name in found})


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    flags = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--quick", action="store_true", help="a few rounds of each")
    flags.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME")
    return flags.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
