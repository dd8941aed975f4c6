"""Show a training as it runs: a table of epochs, and under it a progress bar on a terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.epoch import Epoch

_TRAINING = f"{'epoch':>5}  {'loss':>7}  {'accuracy':>8}"
_VALIDATION = f"  {'val loss':>8}  {'val acc':>7}"
_SECONDS = f"  {'seconds':>7}"


def show(epochs: Iterable[Epoch], total: int, console: Console) -> Iterator[Epoch]:
    """Pass `epochs` on, and print a row for each."""
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("training", total=total)
        for epoch in epochs:
            if epoch.number == 1:
                header = _TRAINING + (_VALIDATION if epoch.validation else "") + _SECONDS
                console.print(header, style="bold")
            console.print(_row(epoch), highlight=False)
            bar.advance(task)
            yield epoch


def _row(epoch: Epoch) -> str:
    row = f"{epoch.number:>5}  {epoch.training.loss:>7.4f}  {epoch.training.accuracy:>8.2%}"
    if epoch.validation:
        row += f"  {epoch.validation.loss:>8.4f}  {epoch.validation.accuracy:>7.2%}"
    return f"{row}  {epoch.seconds:>7.2f}"
