"""The server stops whenever it is told to, also when it has only just begun."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.programs import ROOT, environment, free_port, serving


def started(store: Path, **settings: object) -> subprocess.Popen[str]:
    """A service that has just said that it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(ZIFFER_STORE=store, PORT=free_port(), **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("serving")
    return process


@pytest.mark.parametrize("pause_s", [0, 0.01, 0.02, 0.04])
def test_stop_in_the_first_moments_ends_every_worker(pause_s: float, sample_store: Path) -> None:
    process = started(
        sample_store,
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.001,
        ZIFFER_SERVE_GRACE_S=2,
    )

    time.sleep(pause_s)  # The workers are anywhere between their fork and their first request.
    process.terminate()
    output, _ = process.communicate(timeout=60)

    # A worker that does not stop by itself is killed in the end, with a warning.
    assert (process.returncode, output) == (0, "")


def test_closed_terminal_stops_a_service_that_has_just_begun(sample_store: Path) -> None:
    process = started(sample_store)

    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_two_signals_at_once_are_not_lost(sample_store: Path) -> None:
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port())

    for _ in range(3):
        with serving([sys.executable, "-m", "service"], env) as (_, process):
            process.send_signal(signal.SIGINT)
            process.terminate()
            process.communicate(timeout=60)

        assert process.returncode == 0
