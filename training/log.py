"""Say what a training does: to people as a table with a progress bar, to programs as JSON lines."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.epoch import HISTORY, Epoch

LogFormat = Literal["auto", "text", "json"]

_TRAINING = f"{'epoch':>5}  {'loss':>7}  {'accuracy':>8}"
_VALIDATION = f"  {'val loss':>8}  {'val acc':>7}"
_SECONDS = f"  {'seconds':>7}"


class Log(Protocol):
    """Where a training says what it does."""

    def say(self, message: str, **facts: Any) -> None:  # noqa: ANN401 - any JSON value
        """A sentence for people; `facts` are what programs want to know of it."""

    def caution(self, message: str) -> None:
        """Something that does not stop the training, but should not be so."""

    def show(self, epochs: Iterable[Epoch], *, done: int, total: int) -> Iterator[Epoch]:
        """Pass `epochs` on, and tell of each as it ends; `done` of `total` are over already."""


def open_log(log_format: LogFormat, *, is_silent: bool = False) -> Log:
    """The log on standard output: JSON where that is no terminal, unless the format is given."""
    if is_silent:
        return TextLog(Console(quiet=True))
    if log_format == "json" or (log_format == "auto" and not sys.stdout.isatty()):
        return JsonLog(sys.stdout)
    return TextLog(Console(soft_wrap=True))


class TextLog:
    """Sentences, a table of epochs, and under it a progress bar on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, message: str, **_: object) -> None:  # noqa: D102 - Log documents these
        self._print(message)

    def caution(self, message: str) -> None:  # noqa: D102
        self._print(f"warning: {message}", style="yellow")

    def show(  # noqa: D102
        self, epochs: Iterable[Epoch], *, done: int, total: int
    ) -> Iterator[Epoch]:
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as bar:
            task = bar.add_task("training", total=total, completed=done)
            for epoch in epochs:
                if epoch.number == done + 1:
                    self._print(_header(epoch), style="bold")
                self._print(_row(epoch))
                bar.advance(task)
                yield epoch

    def _print(self, text: str, *, style: str | None = None) -> None:
        with suppress(OSError):  # As in JsonLog.
            self._console.print(text, style=style, highlight=False)


class JsonLog:
    """One JSON object a line, each with `time`, `level` and `message`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, message: str, **facts: Any) -> None:  # noqa: ANN401, D102
        self._write("info", message, facts)

    def caution(self, message: str) -> None:  # noqa: D102
        self._write("warning", message, {})

    def show(  # noqa: D102
        self, epochs: Iterable[Epoch], *, done: int, total: int
    ) -> Iterator[Epoch]:
        del done
        for epoch in epochs:
            (facts,) = HISTORY.dump_python([epoch], mode="json")
            self._write("info", f"epoch {epoch.number} of {total}", {"epoch": facts})
            yield epoch

    def _write(self, level: str, message: str, facts: dict[str, Any]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": level, "message": message} | facts
        with suppress(OSError):  # A full disk costs lines of the log, never the training.
            print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)


def _header(epoch: Epoch) -> str:
    return _TRAINING + (_VALIDATION if epoch.validation else "") + _SECONDS


def _row(epoch: Epoch) -> str:
    row = f"{epoch.number:>5}  {epoch.training.loss:>7.4f}  {epoch.training.accuracy:>8.2%}"
    if epoch.validation:
        row += f"  {epoch.validation.loss:>8.4f}  {epoch.validation.accuracy:>7.2%}"
    return f"{row}  {epoch.seconds:>7.2f}"
