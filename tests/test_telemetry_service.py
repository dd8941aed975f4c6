"""The metrics of a running service, whichever of its workers is asked."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import programs

Service = tuple[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def service(sample_store: Path) -> Iterator[Service]:
    """Two workers, whose log nobody reads."""
    env = programs.environment(ZIFFER_STORE=sample_store, PORT=programs.free_port())
    command = [sys.executable, "-m", "service", "--workers", "2", "--access-log", "json"]
    with programs.serving(command, env) as running:
        yield running


def ask(url: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(url, body) as answer:  # noqa: S310 - our own
        text: str = answer.read().decode()
        return text


def value(url: str, series: str) -> float:
    lines = ask(f"{url}/metrics").splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(series)), 0)


PREDICTED = 'ziffer_http_requests_total{route="/predict",method="POST",status="200"}'


def test_every_worker_tells_of_all(service: Service) -> None:
    url, _ = service
    before = value(url, PREDICTED)
    for _ in range(20):
        ask(f"{url}/predict", bytes(784))

    # Each is a connection of its own, which the kernel gives to one worker or the other.
    assert {value(url, PREDICTED) for _ in range(20)} == {before + 20}
    assert value(url, "ziffer_model_workers") == 2
    assert value(url, "ziffer_http_requests_in_flight") == 1
    assert value(url, 'ziffer_rejected_inputs_total{reason="blank"}') >= 20


def test_log_that_nobody_reads_holds_up_no_request(service: Service) -> None:
    url, _ = service
    for _ in range(100):
        if value(url, "ziffer_access_log_lost_lines_total"):
            break
        for _ in range(20):
            with suppress(urllib.error.HTTPError):
                ask(f"{url}/nowhere/{'x' * 200}")
    else:
        pytest.fail("the pipe never was full")


def test_counters_outlive_a_killed_worker(service: Service) -> None:
    url, process = service
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("there is no /proc/PID/task/PID/children to find a worker by")
    ask(f"{url}/predict", bytes(784))
    before = value(url, PREDICTED)
    killed = int(children.read_text().split()[0])
    os.kill(killed, signal.SIGKILL)

    def is_replaced() -> bool:
        with suppress(OSError, ValueError):
            return (
                str(killed) not in children.read_text().split()
                and value(url, "ziffer_model_workers") == 2
            )
        return False

    programs.until(is_replaced)
    ask(f"{url}/predict", bytes(784))
    assert value(url, PREDICTED) == before + 1
