"""Make the table of benchmarks/RESULTS.md, and README's part of it, from the figures.

    python -m benchmarks.table

measures nothing: the figures are in benchmarks/results.json, where `make bench` writes them.
"""

import re
import sys
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from benchmarks.goals import Figure, Measurements
from benchmarks.machine import ROOT, Machine

RESULTS = ROOT / "benchmarks/results.json"
PAGE = ROOT / "benchmarks/RESULTS.md"
README = ROOT / "README.md"

INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this anew, and writes this page; `python -m benchmarks.table` makes it
again from [results.json](results.json), which has the figure of every round. All contenders take
turns in every round; a ratio is that of one round, and the median of all rounds is what counts.
"""

HEADER = (
    "| what | measured | goal | | rounds | least to most |",
    "|---|---|---|---|---|---|",
)

_QUOTED = re.compile(r"(<!-- benchmarks: .*? -->\n).*?(<!-- end of benchmarks -->)", re.DOTALL)


class Run(BaseModel, frozen=True):
    """What one benchmark found, and where."""

    found: Measurements
    machine: Machine
    is_quick: bool
    """Of so few rounds that the figures say little."""


class Results(BaseModel, frozen=True):
    """The last run of each benchmark, by its name."""

    benchmarks: dict[str, Run]


def page(results: Results) -> str:
    """The whole of RESULTS.md."""
    return f"{INTRODUCTION}\n{about(results, described)}\n\n{_table(results)}\n"


def quoted(results: Results) -> str:
    """What README quotes: every figure that has a goal, and what could not be measured."""
    with_goals = {name: _with_goals(run) for name, run in results.benchmarks.items()}
    return f"{_table(Results(benchmarks=with_goals))}\n\n{about(results, summarized)}\n"


def _with_goals(run: Run) -> Run:
    figures = tuple(figure for figure in run.found.figures if figure.goal is not None)
    return run.model_copy(update={"found": run.found.model_copy(update={"figures": figures})})


def about(results: Results, describe: Callable[[Run], str]) -> str:
    """Where and when, once for all; benchmarks that ran elsewhere have a line of their own."""
    names: dict[str, list[str]] = {}
    for name, run in results.benchmarks.items():
        names.setdefault(describe(run), []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "\n".join(f"- {', '.join(of)}: {description}" for description, of in names.items())


def described(run: Run) -> str:
    """Hardware, software, date and load of a run."""
    machine = run.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{summarized(run)} Commit {machine.commit}; {machine.memory_gib:.0f} GiB of memory; "
        f"{machine.kernel}; {packages}."
    )


def summarized(run: Run) -> str:
    """The same in a sentence."""
    machine = run.machine
    remark = "; a quick run, of too few rounds to rely on" if run.is_quick else ""
    return (
        f"{machine.date}, {machine.processor}, {machine.cores} cores, Python {machine.python}, "
        f"load average at the start {machine.load_average:.2f}{remark}."
    )


def _table(results: Results) -> str:
    return "\n".join([*HEADER, *_rows(results)])


def _rows(results: Results) -> Iterator[str]:
    for name, run in results.benchmarks.items():
        found = run.found
        yield f"| **{name}**: {found.conditions} | | | | | |"
        yield from (_row(figure) for figure in found.figures)
        yield from (f"| {what} | not measured | | | | |" for what in found.not_measured)


def _row(figure: Figure) -> str:
    verdict = {True: "met", False: "**missed**", None: ""}[figure.is_met]
    cells = [
        figure.what,
        figure.measured,
        _goal(figure),
        verdict,
        str(len(figure.values)),
        figure.spread,
    ]
    return f"| {' | '.join(cells)} |"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    sign = "≤" if figure.sense == "at most" else "≥"
    return f"{sign} {figure.wanted}"


def with_table(readme: str, results: Results) -> str:
    """README with its part of the table brought up to date, where it has the marks for it."""
    return _QUOTED.sub(lambda marks: f"{marks[1]}{quoted(results)}{marks[2]}", readme)


def write(results: Results) -> None:
    """Bring RESULTS.md and README up to date."""
    PAGE.write_text(page(results))
    README.write_text(with_table(README.read_text(), results))


def main() -> int:
    """Make both again from the figures of the last run; 1: there was none."""
    if not RESULTS.exists():
        print(f"{RESULTS} is not there: run `make bench`", file=sys.stderr)
        return 1
    write(Results.model_validate_json(RESULTS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
