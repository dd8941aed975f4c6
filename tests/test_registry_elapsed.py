"""Durations hold whatever is done to one of the clocks."""

import time

import pytest

from registry.elapsed import Elapsed


@pytest.mark.parametrize(("wall_s", "monotonic_s"), [(-86_400, 60), (60, 0), (60, 60)])
def test_elapsed_goes_by_the_clock_that_ran_further(
    wall_s: float, monotonic_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = {"time": 1e9, "monotonic": 100.0}
    for name in clocks:
        monkeypatch.setattr(time, name, lambda name=name: clocks[name])
    elapsed = Elapsed()

    clocks["time"] += wall_s
    clocks["monotonic"] += monotonic_s

    assert elapsed.seconds == 60
