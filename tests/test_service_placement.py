"""Granian's threads share a core as long as there is room for them."""

import _thread
import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.serving.placement import Placement, Usage, foreign_tasks, roomy_core, usage_of
from tests.programs import until

linux_only = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="only Linux places threads"
)


@contextmanager
def foreign_thread() -> Iterator[int]:
    """A thread that works until the end, and that `threading` has not started."""
    tasks: list[int] = []
    began, end = threading.Event(), threading.Event()

    def work() -> None:
        tasks.append(threading.get_native_id())
        began.set()
        while not end.is_set():
            pass

    _thread.start_new_thread(work, ())
    began.wait()
    try:
        yield tasks[0]
    finally:
        end.set()


def let_it_work(task: int) -> None:
    """Until it has worked for longer than who hands over little."""
    before_s = usage_of(task).ran_s
    until(lambda: usage_of(task).ran_s - before_s > 0.01)


def test_busiest_thread_shows_the_core_where_there_is_room() -> None:
    network, answers = Usage(0.02, 0.15, core=0), Usage(0.2, 0.01, core=3)

    assert roomy_core([network, answers]) == 3


def test_waiting_for_one_another_is_no_crowd() -> None:
    network, answers = Usage(0.05, 0.15, core=3), Usage(0.2, 0.05, core=3)

    assert roomy_core([network, answers]) == 3


def test_waiting_for_somebody_else_is_a_crowd() -> None:
    network, answers = Usage(0.02, 0.15, core=3), Usage(0.1, 0.15, core=3)

    assert roomy_core([network, answers]) is None


def test_nobody_has_no_core() -> None:
    assert roomy_core([]) is None


@linux_only
def test_threads_of_our_own_are_not_foreign_whoever_else_asks_who_it_is() -> None:
    with foreign_thread() as task:
        own = threading.get_native_id()

        assert task in foreign_tasks()
        assert own not in foreign_tasks()


@linux_only
def test_threads_are_held_on_one_core_and_let_go_where_it_is_crowded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    core = min(os.sched_getaffinity(0))
    found = iter([core, core, None])
    monkeypatch.setattr("service.serving.placement.roomy_core", lambda spent: next(found))
    monkeypatch.setattr("service.serving.placement._PATIENCE", 2)
    loop = asyncio.new_event_loop()
    placement = Placement()

    with foreign_thread() as task:
        for _ in range(3):  # The first look has nothing to compare with.
            placement.watch(loop)
            let_it_work(task)
        held = os.sched_getaffinity(task)
        placement.watch(loop)
        let_go = os.sched_getaffinity(task)
    loop.close()

    assert held == {core}
    assert let_go == os.sched_getaffinity(0)
