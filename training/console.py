"""Show a training as it runs: a table of epochs, and under it a progress bar on a terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.train import Epoch

_HEADER = f"{'epoch':>5}  {'loss':>7}  {'accuracy':>8}  {'seconds':>7}"


def show(epochs: Iterable[Epoch], total: int, console: Console) -> Iterator[Epoch]:
    """Pass `epochs` on, and print a row for each."""
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console.print(_HEADER, style="bold")
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("training", total=total)
        for epoch in epochs:
            console.print(_row(epoch), highlight=False)
            bar.advance(task)
            yield epoch


def _row(epoch: Epoch) -> str:
    return f"{epoch.number:>5}  {epoch.loss:>7.4f}  {epoch.accuracy:>8.2%}  {epoch.seconds:>7.2f}"
