"""The server stops whenever it is told to, also when it has only just begun."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.programs import ROOT, environment, free_port


@pytest.mark.parametrize("pause_s", [0, 0.01, 0.02, 0.04])
def test_stop_in_the_first_moments_ends_every_worker(pause_s: float, sample_store: Path) -> None:
    env = environment(
        ZIFFER_STORE=sample_store,
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.001,
        ZIFFER_SERVE_GRACE_S=2,
        PORT=free_port(),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    assert re.match("serving", process.stdout.readline())

    time.sleep(pause_s)  # The workers are anywhere between their fork and their first request.
    process.terminate()
    output, _ = process.communicate(timeout=60)

    # A worker that does not stop by itself is killed in the end, with a warning.
    assert (process.returncode, output) == (0, "")
