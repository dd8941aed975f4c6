"""Predict everything below a prefix of a bucket, or in a directory.

Pictures (PNG, JPEG, WEBP, GIF, BMP) and arrays of digits (.npy, .npz, .raw: uint8, 28 by 28 or 784,
white ink on black) below INPUT become parts below OUTPUT. What is there already is not predicted
again: the same command goes on with a run that was stopped, and several machines may share one.

exit status: 0 all predicted; 1 failed; 2 wrong usage; 3 predicted, but for inputs that could not be
read; 130 or 143 stopped by a signal
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal, NoReturn

from registry.catalog import Registry
from registry.configuration import SettingsError, add_flags, resolve
from registry.errors import RegistryError
from registry.output import finish_output
from registry.settings import open_registry, open_store
from service.batch_prediction import parquet
from service.batch_prediction.errors import BatchError
from service.batch_prediction.inputs import inputs_below
from service.batch_prediction.progress import Progress
from service.batch_prediction.run import begin_or_join
from service.batch_prediction.settings import BatchSettings, with_array_job
from service.batch_prediction.tally import Tally, finished, read_tallies, write_summary
from service.batch_prediction.units import divide, share
from service.batch_prediction.workers import predictions
from service.errors import ModelUnusableError

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREADABLE = 3

PROGRAM = "python -m service.batch_prediction"


class StoppedError(BaseException):
    """A signal asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.status = 128 + number


def main(argv: Sequence[str] | None = None) -> int:
    """Predict, and return the exit status, as the module's docstring lists them."""
    arguments = sys.argv[1:] if argv is None else argv
    # Also where the process was started with these ignored, as a shell starts background jobs.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return run(settings_of(arguments, os.environ))
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (BatchError, ModelUnusableError, RegistryError) as error:
        return _fail(error, EXIT_FAILED)
    except StoppedError as stop:
        return _fail(f"{stop}; the same command goes on", stop.status)


def settings_of(argv: Sequence[str], environ: Mapping[str, str]) -> BatchSettings:
    """The settings; raises SettingsError, and argparse exits for a flag that is none."""
    parser = argparse.ArgumentParser(
        PROGRAM,
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, help_text in (
        ("INPUT", "where the inputs are: s3://bucket/prefix or a directory"),
        ("OUTPUT", "where the predictions go: the same"),
    ):
        parser.add_argument(name, nargs="?", help=help_text)
    add_flags(parser, BatchSettings)
    flags = vars(parser.parse_args(argv))
    for name in ("input", "output"):
        flags[name] = flags[name.upper()] or flags[name]
    return resolve(BatchSettings, flags, with_array_job(environ))


def run(settings: BatchSettings) -> int:
    """Predict this machine's share; returns the exit status."""
    if settings.format == "parquet":
        parquet.require()
    source, output = open_store(settings.source), open_store(settings.target)
    # Machines that begin at once must agree on one version.
    Registry(output, single_writer=settings.registry.single_writer).require_safe_writes()
    inputs = inputs_below(source)
    if not inputs.files and not inputs.skipped:
        raise BatchError(
            f"there is nothing below {source.address}: is INPUT a directory or prefix?"
        )
    registry = open_registry(settings.registry)
    agreed, card = begin_or_join(output, registry, settings, inputs)
    units = divide(
        inputs.files,
        images_per_part=agreed.images_per_part,
        files_per_part=agreed.files_per_part,
    )
    own = share(units, settings.share)
    done = finished(output)
    todo = [unit for unit in own if unit.name not in done]
    style = _style(settings)
    progress = Progress(todo, sys.stderr, style)
    try:
        for unit, tally in predictions(todo, settings, agreed, card):
            progress.step(unit, tally)
    finally:
        progress.end()

    total = read_tallies(output, [unit.name for unit in own])
    there = finished(output)
    missing = sum(unit.name not in there for unit in units)
    if not missing:
        write_summary(output, agreed, inputs, [unit.name for unit in units])
    if style != "none":
        with suppress(OSError):  # As in Progress; the parts are there.
            _tell(total, style, skipped=inputs.skipped, missing=missing, where=output.address)
    return EXIT_UNREADABLE if total.errors else EXIT_DONE


def _tell(
    total: Tally,
    style: Literal["text", "json"],
    *,
    skipped: list[str],
    missing: int,
    where: str,
) -> None:
    """Say what this machine's share came to."""
    if style == "json":
        document = {"event": "done", "skipped": len(skipped), "parts_missing": missing}
        print(json.dumps(document | total.model_dump(mode="json", exclude={"unreadable"})))
        return
    rejected = "".join(
        f", {count:,} {reason.replace('_', ' ')}" for reason, count in total.rejected.items()
    )
    print(f"{total.images:,} images: {sum(total.digits.values()):,} read as a digit{rejected}")
    for unreadable in total.unreadable[:10]:
        print(f"cannot be read: {unreadable.input}: {unreadable.error}")
    if total.errors:
        print(f"records that say why there is no prediction: {total.errors:,}")
    if skipped:
        print(f"neither pictures nor arrays: {len(skipped):,} files, such as {skipped[0]}")
    print(f"parts that are still missing: {missing:,}" if missing else f"all parts are in {where}")


def _style(settings: BatchSettings) -> Literal["none", "text", "json"]:
    if settings.quiet:
        return "none"
    if settings.log_format == "auto":
        return "text" if sys.stderr.isatty() else "json"
    return settings.log_format


def _stop(number: int, _: object) -> NoReturn:
    raise StoppedError(number)


def _fail(problem: object, status: int) -> int:
    print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return status


if __name__ == "__main__":
    status = main()
    finish_output()
    sys.exit(status)
