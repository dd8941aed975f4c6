import html
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optuna import Study
from optuna.trial import TrialState
from rich.console import Console

from registry.configuration import SettingsError, load, settings_of
from tests.programs import ROOT, SAMPLE, environment
from tests.test_boundaries import imported_packages
from training.epoch import Epoch
from training.mnist import Digits, Mnist
from training.network import Network, build
from training.recipe import Recipe
from training.search import __main__ as program
from training.search import report
from training.search.interruption import Interruption
from training.search.settings import SearchSettings
from training.search.storage import StorageError, open_storage
from training.search.study import finished, open_study
from training.search.summary import summarize
from training.search.trials import run_trials
from training.selection import Range
from training.settings import TrainingSettings, environment_of
from training.train import train

ON_SAMPLE = (
    *("--data-dir", str(SAMPLE), "--checksums", str(SAMPLE / "SHA256SUMS")),
    *("--validation-size", "100"),
)
# Trials that take a few hundredths of a second.
QUICK = (
    *("--batch-size-range", "16:64", "--epochs-range", "1:3"),
    *("--width-range", "16:32", "--hidden-layers-range", "0:2"),
)


def settings(*flags: str, ranges: Sequence[str] = QUICK) -> SearchSettings:
    return load(SearchSettings, "search", None, [*ON_SAMPLE, *ranges, *flags], {})


def opened(sample: Mnist, chosen: SearchSettings) -> Study:
    return open_study(chosen, open_storage(chosen.storage), sample.train)


def search(sample: Mnist, chosen: SearchSettings) -> Study:
    study = opened(sample, chosen)
    list(run_trials(study, chosen, sample.train, torch.device("cpu"), Interruption()))
    return study


def outcomes(study: Study) -> list[tuple[dict[str, Any], float | None]]:
    return [(trial.params, trial.value) for trial in finished(study)]


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "search" / "journal.log")


def test_trials_stay_within_the_ranges(sample: Mnist, journal: str) -> None:
    study = search(sample, settings("--trials", "15", "--storage", journal))

    recipes = [Recipe.model_validate(trial.user_attrs["recipe"]) for trial in finished(study)]
    assert {recipe.batch_size for recipe in recipes} <= {16, 32, 64}
    assert {recipe.width for recipe in recipes} <= {16, 32}
    assert {recipe.epochs for recipe in recipes} <= {1, 2, 3}
    assert {recipe.hidden_layers for recipe in recipes} <= {0, 1, 2}
    assert len({recipe.learning_rate for recipe in recipes}) == 15
    assert [recipe.seed for recipe in recipes] == list(range(15))


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_search_in_two_parts_is_the_search_in_one(kind: str, sample: Mnist, tmp_path: Path) -> None:
    def address(name: str) -> str:
        return str(tmp_path / name) if kind == "journal" else f"sqlite:///{tmp_path / name}"

    whole = search(sample, settings("--trials", "12", "--storage", address("whole")))
    for trials in ("5", "12"):
        parts = search(sample, settings("--trials", trials, "--storage", address("parts")))

    assert len(outcomes(whole)) == 12
    assert outcomes(parts) == outcomes(whole)


def test_trial_can_be_repeated(sample: Mnist, journal: str) -> None:
    study = search(sample, settings("--trials", "1", "--storage", journal))

    (trial,) = finished(study)
    recipe = Recipe.model_validate(trial.user_attrs["recipe"])
    *_, last = train(build(recipe), sample.train, recipe)
    assert last.validation
    assert trial.value == last.validation.accuracy


def test_patience_scores_the_epoch_that_is_kept(sample: Mnist, journal: str) -> None:
    chosen = settings(
        *("--patience", "2", "--objective", "loss", "--epochs-range", "8"),
        *("--learning-rate-range", "0.5", "--pruner", "none", "--trials", "2"),
        *("--storage", journal),
    )

    for trial in finished(search(sample, chosen)):
        assert trial.value in {None, min(trial.intermediate_values.values(), default=None)}


def test_diverging_trial_is_not_the_end(sample: Mnist, journal: str) -> None:
    chosen = settings(
        # Above 0.2, so strong a decay overshoots.
        *("--weight-decay", "10", "--learning-rate-range", "0.01:10", "--optimizer", "sgd"),
        *("--epochs-range", "5", "--pruner", "none", "--trials", "6", "--storage", journal),
    )

    summary = summarize(search(sample, chosen), chosen)

    diverged = [it for it in summary.findings if it.outcome == "diverged"]
    assert len(summary.findings) == 6
    assert 0 < len(diverged) < 6
    assert summary.findings[-1].outcome == "diverged"
    assert all(it.score is None for it in diverged)


def test_test_images_are_never_looked_at(
    sample: Mnist, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Digits] = []

    def record(network: Network, digits: Digits, recipe: Recipe) -> Iterator[Epoch]:
        seen.append(digits)
        return train(network, digits, recipe)

    monkeypatch.setattr("training.search.trials.train", record)
    chosen = settings(
        "--trials", "3", "--storage", journal, "--report-dir", str(tmp_path / "report")
    )

    status = program.run(chosen, Console(quiet=True), Interruption())

    assert status == 0
    assert {digits.digest for digits in seen} == {sample.train.digest}


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_pruned_trials_run_fewer_epochs(pruner: str, sample: Mnist, journal: str) -> None:
    chosen = settings(
        *("--pruner", pruner, "--epochs", "6", "--trials", "15", "--storage", journal),
        *("--width", "16", "--hidden-layers", "1", "--batch-size", "64"),
        ranges=(),
    )

    summary = summarize(search(sample, chosen), chosen)

    pruned = [it for it in summary.findings if it.outcome == "pruned"]
    assert pruned
    assert all(2 <= it.epochs < 6 for it in pruned)
    assert summary.best
    assert summary.best.epochs == 6


def test_given_setting_is_held_and_not_searched(sample: Mnist, journal: str) -> None:
    chosen = settings("--width", "64", "--trials", "2", "--storage", journal, ranges=QUICK[:4])

    study = search(sample, chosen)

    assert "width" not in chosen.searched
    assert {trial.user_attrs["recipe"]["width"] for trial in finished(study)} == {64}


def test_named_recipe_is_searched_around(sample: Mnist) -> None:
    chosen = settings("--recipe", "default")

    assert chosen.searched == settings().searched
    assert chosen.base.augmentation == "mild"


def test_command_trains_the_winner(sample: Mnist, journal: str) -> None:
    chosen = settings("--trials", "2", "--storage", journal, "--momentum", "0.5")

    summary = summarize(search(sample, chosen), chosen)

    assert summary.best
    assert summary.command
    _, *words = shlex.split(summary.command)
    again = load(TrainingSettings, "training", None, words[2:], {})
    assert words[:2] == ["-m", "training"]
    assert again.recipe.model_dump() == summary.best.recipe.model_dump()
    assert again.data.data_dir == SAMPLE


def test_report_holds_every_trial(sample: Mnist, journal: str, tmp_path: Path) -> None:
    chosen = settings("--trials", "12", "--storage", journal, "--pruner", "none")

    summary = summarize(search(sample, chosen), chosen)
    as_json, as_html = report.write(summary, tmp_path / "report")

    document, page = json.loads(as_json.read_text()), as_html.read_text()
    assert sorted(trial["number"] for trial in document["trials"]) == list(range(12))
    assert sum(document["importances"].values()) == pytest.approx(1)
    assert document["importances"].keys() == set(chosen.searched)
    assert page.count("<circle") == 12
    assert html.escape(document["command"]) in page
    assert "://" not in page


def test_best_trial_comes_first(sample: Mnist, journal: str) -> None:
    chosen = settings("--trials", "5", "--storage", journal, "--objective", "loss")

    study = search(sample, chosen)

    trained = [it for it in summarize(study, chosen).findings if it.outcome == "trained"]
    assert trained[0].number == study.best_trial.number
    assert [it.score for it in trained] == sorted(it.score for it in trained if it.score)


def test_study_of_other_settings_is_refused(sample: Mnist, journal: str) -> None:
    opened(sample, settings("--storage", journal))

    with pytest.raises(SettingsError, match=r"another activation \(relu, now tanh\).*--study"):
        opened(sample, settings("--storage", journal, "--activation", "tanh"))


def test_study_of_other_images_is_refused(sample: Mnist, journal: str) -> None:
    chosen = settings("--storage", journal)
    opened(sample, chosen)

    with pytest.raises(SettingsError, match="another training images"):
        open_study(chosen, open_storage(journal), sample.test)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--learning-rate-range", "1:0.1"], "runs from more to less, did you mean 0.1:1"),
        (["--learning-rate-range", "0:1"], "numbers above zero, not 0"),
        (["--learning-rate-range", "1:100"], "--learning-rate-range holds 100"),
        (["--learning-rate-range", "nan"], "finite numbers"),
        (["--epochs-range", "1:2.5"], "whole numbers, not 2.5"),
        (["--epochs-range", "few"], "--epochs-range is 'few': expected FROM:TO"),
        (["--width-range", "48:64"], "powers of two, such as 16:64, not 48"),
        (["--optimizer-choices", "sgd,adom"], "no optimizer 'adom', only sgd, momentum"),
        (["--width", "64"], "--width holds fixed what --width-range searches"),
        (["--study", "a/b"], "--study is 'a/b'"),
    ],
)
def test_impossible_setting_is_explained(flags: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(*flags)


def test_search_without_validation_is_refused() -> None:
    with pytest.raises(SettingsError, match="--validation-size is 0"):
        load(SearchSettings, "search", None, ["--validation-size", "0"], {})


def test_ten_thousand_images_are_kept_apart_by_default() -> None:
    assert load(SearchSettings, "search", None, [], {}).base.validation_size == 10_000


def test_batch_that_cannot_be_filled_is_refused(tmp_path: Path) -> None:
    chosen = settings("--storage", str(tmp_path / "journal.log"), ranges=())

    with pytest.raises(SettingsError, match="ends at 512, but there are only 500 images"):
        program.run(chosen, Console(quiet=True), Interruption())


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", r"me:\*\*\*@127.0.0.1:1/db: "),
        ("sqlite:////no/such/directory/x.db", "unable to open database file"),
        ("pigeon://coop", "Can't load plugin"),
        ("http://me:secret@host:port/", "expected a path or an address"),
        ("/dev/null/journal.log", "File exists"),
    ],
)
def test_storage_that_cannot_be_used_is_explained(address: str, message: str) -> None:
    with pytest.raises(StorageError, match=message) as failure:
        open_storage(address)

    assert "secret" not in str(failure.value)


@pytest.mark.parametrize("content", ["hello\nworld\n", '{"a": 1}\n', "[]\n"])
def test_file_that_is_no_journal_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)

    with pytest.raises(StorageError, match="is no journal of trials"):
        open_storage(str(path))

    assert path.read_text() == content


def test_torn_last_line_is_forgotten(sample: Mnist, journal: str) -> None:
    chosen = settings("--trials", "2", "--storage", journal)
    before = outcomes(search(sample, chosen))
    with Path(journal).open("a") as file:
        file.write('{"op_code": 4, "wor')

    study = search(sample, settings("--trials", "3", "--storage", journal))

    assert outcomes(study)[:2] == before
    assert len(outcomes(study)) == 3


@contextmanager
def searching(journal: str, report_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that searches until it is stopped."""
    command = [sys.executable, "-W", "error", "-m", "training.search", *ON_SAMPLE, *QUICK]
    with subprocess.Popen(
        [*command, "--storage", journal, "--trials", "10000", "--report-dir", str(report_dir)],
        cwd=ROOT,
        env=environment(PYTHONUNBUFFERED=1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_trial(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    line = next((line for line in process.stdout if line.startswith("trial ")), None)
    assert line, process.communicate()[1]


def test_processes_share_a_study_and_survive_each_other(
    sample: Mnist, journal: str, tmp_path: Path
) -> None:
    with searching(journal, tmp_path) as killed, searching(journal, tmp_path) as interrupted:
        for process in (killed, interrupted):
            wait_for_trial(process)
        killed.kill()
        killed.communicate()
        wait_for_trial(interrupted)
        interrupted.send_signal(signal.SIGTERM)
        _, errors = interrupted.communicate()

    assert interrupted.returncode == program.EXIT_INTERRUPTED
    assert errors == "search: interrupted; repeat the command to go on\n"
    study = opened(sample, settings("--storage", journal))
    states = [trial.state for trial in study.get_trials()]
    assert len(finished(study)) >= 3
    assert not any(trial.params for trial in study.get_trials(states=[TrialState.RUNNING]))
    assert states.count(TrialState.FAIL) <= 2
    rates = [params["learning_rate"] for params, _ in outcomes(study)]
    assert len(set(rates)) == len(rates)
    assert (tmp_path / "digits.json").exists()


@given(
    low=st.floats(0.001, 9, allow_nan=False),
    factor=st.floats(1, 1000),
)
def test_range_is_read_as_it_is_written(low: float, factor: float) -> None:
    written = f"{low!r}:{min(low * factor, 10.0)!r}"

    parsed = settings("--learning-rate-range", written).space.learning_rate_range

    assert parsed == Range(low, min(low * factor, 10.0))


def test_every_setting_describes_itself() -> None:
    leaves = settings_of(SearchSettings)

    assert len({leaf.env for leaf in leaves}) == len({leaf.flag for leaf in leaves}) == len(leaves)
    assert all(leaf.field.description for leaf in leaves)
    assert {leaf.env.split("_")[1] for leaf in leaves} == {"TRAIN", "SEARCH"}


def test_search_and_training_share_one_environment() -> None:
    environ = {
        "ZIFFER_SEARCH_TRIALS": "9",
        "ZIFFER_TRAIN_PROMOTE": "false",
        "ZIFFER_TRAIN_ACTIVATION": "tanh",
    }

    ours = load(SearchSettings, "search", None, [], environment_of(SearchSettings, environ))
    theirs = load(TrainingSettings, "training", None, [], environ)

    assert ours.recipe.activation == theirs.recipe.activation == "tanh"
    assert (ours.trials, theirs.promote) == (9, False)


def test_misspelt_variable_of_training_is_found() -> None:
    environ = environment_of(SearchSettings, {"ZIFFER_TRAIN_ACTIVASION": "tanh"})

    with pytest.raises(SettingsError, match="did you mean ZIFFER_TRAIN_ACTIVATION"):
        load(SearchSettings, "search", None, [], environ)


def test_only_the_search_imports_optuna() -> None:
    doors = {
        file.parent.name
        for file in (ROOT / "training").rglob("*.py")
        if "optuna" in imported_packages(file)
    }

    assert doors == {"search"}
