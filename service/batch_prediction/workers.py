"""Predict units in several processes, each with a model and connections of its own."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import NamedTuple, NoReturn, cast

from registry.card import ModelCard
from registry.errors import RegistryError
from service.batch_prediction.errors import BatchError, WorkerDiedError
from service.batch_prediction.prediction import open_predictor
from service.batch_prediction.run import Run
from service.batch_prediction.settings import BatchSettings
from service.batch_prediction.tally import Tally
from service.batch_prediction.units import Unit
from service.errors import ModelUnusableError

# A process that was asked to stop has this long to remove what it was writing.
_PATIENCE_S = 5


class Worker(NamedTuple):
    """A process, and what it is spoken to through."""

    process: multiprocessing.process.BaseProcess
    connection: Connection


def predictions(
    units: Sequence[Unit], settings: BatchSettings, run: Run, card: ModelCard
) -> Iterator[tuple[Unit, Tally]]:
    """Predict `units`, and tell of each when its part is there; raises BatchError."""
    count = min(settings.process_count, len(units))
    if count <= 1:
        predictor = open_predictor(settings, run, card)
        yield from ((unit, predictor.predict(unit)) for unit in units)
        return
    with _started(count, settings, run, card) as workers:
        yield from handed_out(units, workers)


def handed_out(units: Sequence[Unit], workers: list[Worker]) -> Iterator[tuple[Unit, Tally]]:
    """Give each worker a unit, and the next as soon as it is done."""
    waiting = iter(units)
    busy: dict[Connection, tuple[Worker, Unit]] = {}

    def give(worker: Worker) -> None:
        unit = next(waiting, None)
        if unit is not None:
            busy[worker.connection] = worker, unit
            with suppress(ConnectionError):  # Whoever has died is found out by `_answer`.
                worker.connection.send(unit)

    for worker in workers:
        give(worker)
    while busy:
        for connection in wait(list(busy)):
            worker, unit = busy.pop(cast(Connection, connection))
            yield unit, _answer(worker, unit)
            give(worker)


def _answer(worker: Worker, unit: Unit) -> Tally:
    try:
        answer: Tally | str = worker.connection.recv()
    except (EOFError, ConnectionError):
        worker.process.join(_PATIENCE_S)
        raise WorkerDiedError(
            f"a process died over {unit.files[0].key} ({_cause(worker.process.exitcode)}). "
            "The same command goes on where it stopped"
        ) from None
    if isinstance(answer, str):
        raise BatchError(answer)
    return answer


def _cause(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "SIGKILL: is there memory enough for so many --processes?"
    return f"exit code {exit_code}"


@contextmanager
def _started(
    count: int, settings: BatchSettings, run: Run, card: ModelCard
) -> Iterator[list[Worker]]:
    """So many workers, which are gone in the end."""
    # Not forked: neither connections nor the threads of onnxruntime survive that.
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()
    workers: list[Worker] = []
    try:
        # Ctrl-C reaches every process of a terminal; those begun now leave it to this one.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, settings, run, card), daemon=True)
            process.start()
            theirs.close()
            workers.append(Worker(process, ours))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield workers
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _stop(workers)


def _stop(workers: list[Worker]) -> None:
    for worker in workers:
        worker.connection.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(_PATIENCE_S)
        worker.process.kill()
        worker.process.join()


def _work(connection: Connection, settings: BatchSettings, run: Run, card: ModelCard) -> None:
    """Predict what comes through `connection`, until it is closed: also where the parent died."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        predictor = open_predictor(settings, run, card)
        while True:
            connection.send(predictor.predict(connection.recv()))
    except (EOFError, ConnectionError):
        return
    except (BatchError, ModelUnusableError, RegistryError) as error:
        connection.send(str(error))


def _leave(number: int, _: object) -> NoReturn:
    """End by an exception, so that no half-written file stays behind."""
    raise SystemExit(128 + number)
