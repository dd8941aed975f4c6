"""Workers and their parent are killed by SIGKILL, under load and without descriptors."""

import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faults.traffic import Traffic, answered_by
from tests.programs import ROOT, environment, free_port, serving, until
from tests.test_service_follower import ask
from tests.test_service_server import children, is_running
from tests.test_telemetry_service import PREDICTED, value

pytestmark = pytest.mark.faults


def test_counters_are_right_when_workers_are_killed_under_load(
    sample_store: Path, images: NDArray[np.uint8]
) -> None:
    kills = 4
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port(), ZIFFER_SERVE_WORKERS=2)
    with serving([sys.executable, "-m", "service"], env) as (url, service):
        traffic = Traffic(url, images, clients=4)
        with traffic.running():
            for _ in range(kills):
                until(lambda: len(children(service)) == 2)
                seen = len(traffic.answers)
                until(lambda: len(traffic.answers) > seen + 50)  # noqa: B023 - called at once
                victim = children(service)[0]
                os.kill(victim, signal.SIGKILL)
                until(lambda: victim not in children(service))  # noqa: B023
        until(lambda: value(url, "ziffer_model_workers") == 2)
        counted = value(url, PREDICTED)
        in_flight = value(url, "ziffer_http_requests_in_flight")

    answered = sum(answer.status == 200 for answer in traffic.answers)
    broken = len(traffic.answers) - answered
    assert {answer.status for answer in traffic.answers} <= {0, 200}
    assert broken <= kills * traffic.clients
    assert answered <= counted <= answered + broken
    assert in_flight == 1  # The one that asks.


def test_request_that_kills_its_worker_twice_in_a_row_costs_nobody_the_service(
    sample_store: Path, images: NDArray[np.uint8]
) -> None:
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port(), ZIFFER_SERVE_WORKERS=2)
    with serving([sys.executable, "-m", "service"], env) as (url, service):
        for _ in range(3):
            until(lambda: len(children(service)) == 2)
            os.kill(children(service)[-1], signal.SIGKILL)
        until(lambda: value_or_zero(url, "ziffer_model_workers") == 2)

        assert answered_by(url, images[0].tobytes())
        assert service.poll() is None


def value_or_zero(url: str, series: str) -> float:
    with suppress(OSError):
        return value(url, series)
    return 0


def test_service_that_dies_at_once_again_and_again_ends(sample_store: Path) -> None:
    """Whoever keeps the service must come to know, rather than see it replace workers for ever."""
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port(), ZIFFER_SERVE_WORKERS=2)
    with serving([sys.executable, "-m", "service"], env) as (_, service):

        def has_ended() -> bool:
            with suppress(FileNotFoundError, ProcessLookupError):
                for worker in children(service):
                    os.kill(worker, signal.SIGKILL)
            return service.poll() is not None

        until(has_ended)

    assert service.returncode == 1


def test_killed_service_leaves_its_port_to_the_next(
    sample_store: Path, images: NDArray[np.uint8]
) -> None:
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port(), ZIFFER_SERVE_WORKERS=2)
    with serving([sys.executable, "-m", "service"], env) as (url, service):
        workers = children(service)
        traffic = Traffic(url, images)
        with traffic.running():
            until(lambda: len(traffic.answers) > 20)
            service.kill()
            service.wait(timeout=60)
            until(lambda: not any(is_running(worker) for worker in workers))

    with serving([sys.executable, "-m", "service"], env) as (again, _):
        assert again == url
        assert answered_by(url, images[0].tobytes())


def test_service_without_descriptors_recovers(
    sample_store: Path, images: NDArray[np.uint8]
) -> None:
    """More connections than it may have open: they wait, and nothing is broken afterwards."""
    limit = 64

    def few_descriptors() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    port = free_port()
    env = environment(ZIFFER_STORE=sample_store, PORT=port, ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.05)
    service = subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=env,
        preexec_fn=few_descriptors,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: is_healthy(url))
        with ExitStack() as connections:
            for _ in range(2 * limit):
                connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            (worker,) = children(service)
            until(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) >= limit - 2)
        until(lambda: is_healthy(url))
        assert answered_by(url, images[0].tobytes())
        service.terminate()
        output, _ = service.communicate(timeout=60)
    finally:
        service.kill()

    assert service.returncode == 0
    assert "Traceback" not in output


def is_healthy(url: str) -> bool:
    with suppress(OSError):
        return ask(url, "/healthz") == {"live": True, "ready": True}
    return False
