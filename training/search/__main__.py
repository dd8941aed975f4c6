"""Search for the learning rate, batch size, depth, width and optimizer that learn best.

Each trial trains a variation of the recipe and is scored on validation images; the test set is not
touched. Repeat the command to go on where it stopped; start it several times, here or on other
machines, to search faster.
"""

import os
import sys
from collections.abc import Sequence

import torch
from rich.console import Console

from registry.configuration import SettingsError, load
from training.data import load_digits
from training.device import pick_device
from training.errors import TrainingError
from training.mnist import DatasetError, Digits
from training.search import report
from training.search.interruption import Interruption
from training.search.settings import SearchSettings
from training.search.storage import StorageError, open_storage, reporting, shown
from training.search.study import open_study
from training.search.summary import Summary, summarize
from training.search.trials import run_trials
from training.settings import environment_of
from training.training_set import split

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Search; 0: the study has enough trials, 1: failed, 2: wrong usage, 130: interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        environ = environment_of(SearchSettings, os.environ)
        settings = load(SearchSettings, "python -m training.search", __doc__, arguments, environ)
        interruption = Interruption()
        interruption.listen()
        return run(settings, Console(soft_wrap=True), interruption)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (DatasetError, StorageError, TrainingError) as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)


def run(settings: SearchSettings, console: Console, interruption: Interruption) -> int:
    """Open the study, run its trials, and report them, even where it is interrupted."""
    torch.set_num_threads(settings.compute.threads)
    device = pick_device(settings.compute.device)
    digits = load_digits(settings.data, console.print).train
    _require_room(settings, digits)
    storage = open_storage(settings.storage)
    with reporting(settings.storage):
        study = open_study(settings, storage, digits)
        console.print(
            f"study {settings.study} in {shown(settings.storage)}: {', '.join(settings.searched)}"
        )
        for number in run_trials(study, settings, digits, device, interruption):
            console.print(report.line(summarize(study, settings), number), highlight=False)
        summary = summarize(study, settings)
    _show(summary, settings, console)
    if interruption.requested:
        return _fail("interrupted; repeat the command to go on", EXIT_INTERRUPTED)
    return 0


def _require_room(settings: SearchSettings, digits: Digits) -> None:
    """Refuse minibatches that the training set cannot fill, before a trial meets them."""
    training, _ = split(digits, settings.base.validation_size)
    largest = int(settings.space.batch_size_range.high)
    if "batch_size" in settings.searched and largest > len(training):
        raise SettingsError(
            f"--batch-size-range ends at {largest}, but there are only {len(training)} images to "
            "train on"
        )


def _show(summary: Summary, settings: SearchSettings, console: Console) -> None:
    console.print(report.text(summary), highlight=False)
    try:
        written = report.write(summary, settings.report_dir)
    except OSError as error:
        raise SettingsError(
            f"--report-dir is '{settings.report_dir}': cannot write there ({error.strerror})"
        ) from None
    console.print(f"\nwritten to {' and '.join(map(str, written))}", highlight=False)


def _fail(error: Exception | str, status: int) -> int:
    print(f"search: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
