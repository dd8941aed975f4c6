"""The table of benchmarks tells what was measured, without measuring anew."""

import json
from pathlib import Path

import pytest

import benchmarks.__main__ as bench
from benchmarks import table
from benchmarks.goals import Goals, Measurements, quotients
from benchmarks.machine import Machine, this_machine
from benchmarks.table import PAGE, README, RESULTS, Results, Run, page, quoted, with_table

MACHINE = Machine(
    date="2031-02-03",
    commit="0123456789",
    processor="Abacus 9",
    cores=2,
    memory_gib=3.6,
    kernel="Linux 9",
    python="3.14.1",
    packages={"numpy": "2.4.6"},
    load_average=0.25,
)


def run_of(goals: Goals, tmp_path: Path, *, machine: Machine = MACHINE) -> Run:
    goals.write(tmp_path / "figures.json")
    found = Measurements.model_validate_json((tmp_path / "figures.json").read_text())
    return Run(found=found, machine=machine, is_quick=False)


def row(text: str, what: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| {what} |")]
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    goals = Goals("two of three")
    goals.at_most("ours / theirs", [0.5, 0.25, 0.4], 0.5)
    goals.at_least("theirs / ours", [3.75, 3.5, 4.25], 4)
    goals.figure("a turn of ours", [1234.4, 1233.6], "µs")
    goals.skip("against others: not installed")
    return Results(benchmarks={"Speed": run_of(goals, tmp_path)})


def test_a_row_has_ratio_goal_verdict_rounds_and_spread(results: Results) -> None:
    assert row(page(results), "ours / theirs") == ["0.400", "≤ 0.5", "met", "3", "0.250 to 0.500"]
    assert row(page(results), "theirs / ours")[:3] == ["3.75", "≥ 4", "**missed**"]
    assert row(page(results), "a turn of ours") == ["1234 µs", "", "", "2", "1234 to 1234"]
    assert row(page(results), "against others: not installed")[0] == "not measured"


def test_page_says_where_and_when(results: Results) -> None:
    text = page(results)

    for fact in (
        "2031-02-03",
        "0123456789",
        "Abacus 9",
        "2 cores",
        "3.14.1",
        "numpy 2.4.6",
        "0.25",
    ):
        assert fact in text


def test_benchmarks_that_ran_elsewhere_say_so(results: Results, tmp_path: Path) -> None:
    elsewhere = MACHINE.model_copy(update={"processor": "Slide Rule 2"})
    both = results.benchmarks | {"Size": run_of(Goals("one"), tmp_path, machine=elsewhere)}

    text = page(Results(benchmarks=both))

    assert "- Speed: 2031-02-03, Abacus 9" in text
    assert "- Size: 2031-02-03, Slide Rule 2" in text


def test_readme_quotes_what_has_a_goal_and_keeps_the_rest(results: Results) -> None:
    readme = "before\n<!-- benchmarks: x -->\nold\n<!-- end of benchmarks -->\nafter\n"

    once = with_table(readme, results)

    assert once.startswith("before\n<!-- benchmarks: x -->\n| what |")
    assert once.endswith("<!-- end of benchmarks -->\nafter\n")
    assert "| ours / theirs |" in once
    assert "| against others: not installed |" in once
    assert "a turn of ours" not in once
    assert "old" not in once
    assert with_table(once, results) == once


def test_a_missed_goal_is_told_in_the_summary() -> None:
    goals = Goals()
    assert goals.at_most("slowness", [3], 2, "s") == "slowness: 3.00 s; goal: at most 2 s: MISSED"
    goals.skip("a GPU")

    assert not goals.is_met
    assert goals.summary().splitlines() == [
        "goal missed: slowness: 3.00 s; goal: at most 2 s: MISSED",
        "not measured: a GPU",
    ]


def test_ratios_are_of_the_same_round() -> None:
    assert quotients([1, 4], [2, 2]) == [0.5, 2]


def test_this_machine_is_described() -> None:
    machine = this_machine()

    assert machine.cores > 0
    assert machine.packages["numpy"]
    assert machine.commit


def test_a_benchmark_without_figures_is_a_failure_that_loses_no_others(
    results: Results,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    module = "tests.benchmark_that_fails"
    for name in ("RESULTS", "PAGE", "README"):
        monkeypatch.setattr(table, name, tmp_path / f"{name}.txt")
    table.README.write_text("nothing to quote\n")
    table.RESULTS.write_text(results.model_dump_json())
    monkeypatch.setattr(table, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(
        bench,
        "BENCHMARKS",
        {name: bench.Benchmark(module, (), ()) for name in ("Speed", "Size")},
    )

    status = bench.main(["--only", "Size"])

    assert status == 1
    assert "without figures, see above: Size" in capfd.readouterr().err
    assert json.loads(table.RESULTS.read_text())["benchmarks"].keys() == {"Speed"}
    assert table.PAGE.read_text() == page(results)


def test_page_and_readme_are_made_of_the_figures_that_are_kept() -> None:
    kept = Results.model_validate_json(RESULTS.read_text())

    assert page(kept) == PAGE.read_text(), "run `python -m benchmarks.table`"
    assert quoted(kept) in README.read_text(), "run `python -m benchmarks.table`"
