"""Processes that predict, and what is told of those that end."""

import multiprocessing

import pytest

from service.batch_prediction.errors import BatchError, WorkerDiedError
from service.batch_prediction.inputs import Input, Kind
from service.batch_prediction.units import Unit
from service.batch_prediction.workers import Worker, handed_out

UNIT = Unit(0, (Input("7.png", 1, Kind.PICTURE),))


def ended_worker(*last_words: str) -> Worker:
    """One that has ended before it is given anything."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process()
    process.start()
    process.join()
    for words in last_words:
        theirs.send(words)
    theirs.close()
    return Worker(process, ours)


def test_why_a_process_ended_is_told_however_early() -> None:
    worker = ended_worker("the store is away")

    with worker.connection, pytest.raises(BatchError, match="the store is away"):
        list(handed_out([UNIT], [worker]))


def test_a_process_that_ended_without_a_word_is_missed_however_early() -> None:
    worker = ended_worker()

    with worker.connection, pytest.raises(WorkerDiedError, match=r"over 7\.png \(exit code 0\)"):
        list(handed_out([UNIT], [worker]))
