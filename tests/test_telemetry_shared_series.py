import os
import signal
import threading
from collections import Counter
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from service.telemetry.shared_series import SharedSeries
from tests.telemetry_processes import done, fork, killed

NAMES = st.text(max_size=40)


def add(series: SharedSeries, name: str, amount: float = 1.0, *, is_gauge: bool = False) -> None:
    place = series.place(name, is_gauge=is_gauge)
    with series.lock:
        series.values[place] += amount


def counted(series: SharedSeries) -> dict[str, float]:
    return {name: value for name, (value,) in series.snapshot().counters.items()}


@given(st.lists(st.lists(st.tuples(NAMES, st.integers(0, 1000)), max_size=30), max_size=3))
@settings(max_examples=15)
def test_counters_of_all_processes_are_summed(
    workers: list[list[tuple[str, int]]],
) -> None:
    series = SharedSeries(len(workers) + 1)
    expected = Counter({"before the fork": 1})
    add(series, "before the fork")

    def work(amounts: list[tuple[str, int]]) -> None:
        for name, amount in amounts:
            add(series, name, amount)

    children = [fork(partial(work, amounts)) for amounts in workers]
    for child, amounts in zip(children, workers, strict=True):
        done(child)
        for name, amount in amounts:
            expected[name] += amount

    assert counted(series) == expected


def test_killed_process_is_succeeded_and_its_counters_stay() -> None:
    series = SharedSeries(2)
    totals = []

    for _ in range(5):
        reader, writer = os.pipe()

        def work(writer: int = writer) -> None:
            add(series, "requests")
            os.write(writer, b".")
            signal.pause()

        child = fork(work)
        os.read(reader, 1)
        snapshot = series.snapshot()
        totals.append(snapshot.counters["requests"])
        assert snapshot.processes[1] == child
        killed(child)
        os.close(reader)
        os.close(writer)

    assert totals == [[1], [2], [3], [4], [5]]
    assert series.snapshot().dropped == 0


def test_gauges_of_a_dead_process_do_not_count() -> None:
    series = SharedSeries(3)
    add(series, "in flight", 1, is_gauge=True)
    reader, writer = os.pipe()

    def work() -> None:
        add(series, "in flight", 2, is_gauge=True)
        os.write(writer, b".")
        signal.pause()

    child = fork(work)
    os.read(reader, 1)
    assert series.snapshot().gauges == {"in flight": [1, 2]}

    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # It is dead, and nobody has taken note.
    assert series.snapshot().gauges == {"in flight": [1]}

    done(child)
    done(fork(lambda: add(series, "in flight", 4, is_gauge=True)))
    assert series.snapshot().gauges == {"in flight": [1]}


def test_successor_begins_with_gauges_of_zero() -> None:
    series = SharedSeries(2)
    done(fork(lambda: add(series, "in flight", 7, is_gauge=True)))
    reader, writer = os.pipe()

    def work() -> None:
        add(series, "requests")
        os.write(writer, b".")
        signal.pause()

    child = fork(work)
    os.read(reader, 1)

    assert series.snapshot().gauges == {"in flight": [0]}
    killed(child)


def test_full_slot_drops_new_series_and_says_so() -> None:
    series = SharedSeries(1, slot_bytes=4096)
    for number in range(100):
        add(series, f"series {number}")
        add(series, "series 0")

    snapshot = series.snapshot()
    assert snapshot.counters["series 0"] == [101]
    assert 20 < len(snapshot.counters) < 100
    assert len(snapshot.counters) + snapshot.dropped == 100


def test_more_processes_than_expected_do_no_harm() -> None:
    series = SharedSeries(1)
    add(series, "requests")

    done(fork(lambda: add(series, "requests")))

    assert counted(series) == {"requests": 1}
    assert series.snapshot().dropped == 1


def test_threads_lose_no_count() -> None:
    series = SharedSeries(1)
    place = series.place("requests")

    def count() -> None:
        for _ in range(5000):
            with series.lock:
                series.values[place] += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(series) == {"requests": 20_000}


def test_child_of_a_process_that_counts_is_not_blocked() -> None:
    series = SharedSeries(2)
    add(series, "requests")

    with series.lock:
        child = fork(lambda: add(series, "requests"))
    done(child)

    assert counted(series) == {"requests": 2}


def test_vectors_are_summed_value_by_value() -> None:
    series = SharedSeries(2)

    def observe() -> None:
        place = series.place("latency", 3)
        for index in range(3):
            series.values[place + index] += index + 1

    observe()
    done(fork(observe))

    assert series.snapshot().counters == {"latency": [2, 4, 6]}
