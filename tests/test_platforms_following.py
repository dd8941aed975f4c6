"""A process that is frozen between requests goes with its aliases, and waits for nobody."""

import threading
from collections.abc import Iterator

import pytest

from service.platforms import following
from service.platforms.following import Following
from tests.programs import until


class Clock:
    """The calendar's time, which a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(following, "time", clock)
    return clock


@pytest.fixture
def checks() -> list[str]:
    return []


def test_it_asks_once_in_an_interval(
    clock: Clock, checks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_LONGEST_WAIT_S", 60)  # A busy machine may need a while.
    follow = Following(lambda: checks.append("checked"), interval_s=5)

    for now_s, total in [(1004, 0), (1005, 1), (1009, 1), (1010, 2), (4000, 3), (900, 4)]:
        clock.now_s = now_s
        follow.catch_up(remaining_s=60)
        assert len(checks) == total


def test_it_never_asks_where_the_interval_is_0(clock: Clock, checks: list[str]) -> None:
    follow = Following(lambda: checks.append("checked"), interval_s=0)

    clock.now_s = 1e9
    follow.catch_up(remaining_s=60)

    assert checks == []


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Of a store, which does not come before it is set."""
    answer = threading.Event()
    yield answer
    answer.set()


def test_a_store_that_does_not_answer_holds_up_nobody(
    clock: Clock, checks: list[str], answer: threading.Event
) -> None:
    def check() -> None:
        answer.wait(60)
        checks.append("checked")

    follow = Following(check, interval_s=5)

    for now_s in (1005, 1010, 1015):  # One check at a time, however long it takes.
        clock.now_s = now_s
        follow.catch_up(remaining_s=0.02)
    assert checks == []

    answer.set()
    until(lambda: checks == ["checked"])
