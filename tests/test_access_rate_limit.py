"""Nobody gets more than the burst and the rate allow, whatever they do."""

import math
import multiprocessing
import os
import signal
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.rate_limit import RateLimit

NS = 1_000_000_000

rates = st.floats(0.01, 1e6)
bursts = st.integers(1, 50)
gaps_ns = st.lists(st.integers(0, 10 * NS) | st.integers(0, 1000), min_size=1, max_size=60)


class Clock:
    """Nanoseconds that pass when the test says so."""

    now_ns = 1_000 * NS

    def __call__(self) -> int:
        return self.now_ns


def limit_with(clock: Clock, rate: float, burst: int) -> RateLimit:
    return RateLimit(rate, burst, slots=1 << 10, clock=clock)


@given(rates, bursts, gaps_ns)
def test_any_window_grants_at_most_burst_and_rate(rate: float, burst: int, gaps: list[int]) -> None:
    clock = Clock()
    limit = limit_with(clock, rate, burst)

    granted_at = []
    for gap in gaps:
        clock.now_ns += gap
        if limit.take("ada").is_granted:
            granted_at.append(clock.now_ns)

    for first, start in enumerate(granted_at):
        for last, end in enumerate(granted_at[first:], first):
            assert last - first + 1 <= burst + Fraction(rate) * (end - start) / NS


@given(st.integers(1, 1000), bursts, gaps_ns)
def test_grants_what_a_token_bucket_grants(interval_ms: int, burst: int, gaps: list[int]) -> None:
    clock = Clock()
    limit = limit_with(clock, 1000 / interval_ms, burst)
    interval = math.ceil(NS / (1000 / interval_ms))  # Floats may round it up by a nanosecond.
    tokens, before = Fraction(burst), clock.now_ns

    for now in accumulate(gaps, initial=clock.now_ns):
        clock.now_ns = now
        tokens = min(Fraction(burst), tokens + Fraction(now - before, interval))
        before = now
        allowance = limit.take("ada")

        assert allowance.is_granted == (tokens >= 1)
        tokens -= allowance.is_granted
        assert allowance.remaining == math.floor(tokens)


@given(rates, bursts, gaps_ns)
def test_who_waits_as_told_is_granted(rate: float, burst: int, gaps: list[int]) -> None:
    clock = Clock()
    limit = limit_with(clock, rate, burst)

    for gap in gaps:
        clock.now_ns += gap // 10
        allowance = limit.take("ada")
        if not allowance.is_granted:
            clock.now_ns += math.ceil(allowance.wait_s) * NS
            assert limit.take("ada").is_granted


def test_clients_do_not_use_up_each_others_rate() -> None:
    limit = RateLimit(1, 3, clock=Clock())
    clients = [f"192.0.2.{number}" for number in range(20)]

    granted = {client: [limit.take(client).is_granted for _ in range(5)] for client in clients}

    # Two of 20 meet in one of 262,144 slots once in 1,400 runs; then they share.
    shared = sum(pattern != [True] * 3 + [False] * 2 for pattern in granted.values())
    assert shared <= 1


def test_clients_in_one_slot_share_what_one_may_do() -> None:
    limit = RateLimit(1, 5, slots=1, clock=Clock())

    granted = [limit.take(client).is_granted for client in "abcdefgh"]

    assert granted == [True] * 5 + [False] * 3


def test_processes_together_grant_no_more_than_one() -> None:
    limit = RateLimit(1e-3, 40_000, clock=Clock())
    fork = multiprocessing.get_context("fork")
    granted, start = fork.SimpleQueue(), fork.Barrier(3)

    def ask() -> None:
        start.wait()
        granted.put(sum(limit.take("ada").is_granted for _ in range(20_000)))

    workers = [fork.Process(target=ask) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sum(granted.get() for _ in workers) == 40_000


def test_killed_worker_leaves_no_lock_behind() -> None:
    clock = Clock()
    limit = RateLimit(1, 5, slots=1, clock=clock)

    def die_with_the_lock() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    worker = multiprocessing.get_context("fork").Process(target=limit.take, args=["ada"])
    limit._clock = die_with_the_lock
    worker.start()
    worker.join()
    limit._clock = clock

    assert worker.exitcode == -signal.SIGKILL
    assert limit.take("ada").is_granted


@pytest.mark.parametrize(
    ("rate", "burst", "policy"),
    [(5, 10, '"default";q=10;w=2'), (0.5, 1, '"default";q=1;w=2'), (100, 20, '"default";q=20;w=1')],
)
def test_policy_is_told_as_the_draft_has_it(rate: float, burst: int, policy: str) -> None:
    assert RateLimit(rate, burst, slots=1).policy == policy
