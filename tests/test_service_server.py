"""The server stops whenever it is told to, loses no request, and survives its workers."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.programs import ROOT, environment, free_port, serving, until

PIXELS = bytes(784)


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


@contextmanager
def service(store: Path, **settings: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running service, by its host and port."""
    env = environment(ZIFFER_STORE=store, PORT=free_port(), **settings)
    with serving([sys.executable, "-m", "service"], env) as (url, process):
        yield urlsplit(url).netloc, process


def ask(host: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
    """The answer to one request on a connection of its own."""
    headers = {"Content-Type": "application/octet-stream"} if body else {}
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        connection.request("POST" if body else "GET", path, body, headers)
        response = connection.getresponse()
        response.read()
        return response


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in listed.split()]


def is_running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def test_draining_service_is_not_ready_and_answers(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_DRAIN_S=60, ZIFFER_SERVE_WORKERS=2) as (host, process):
        before = ask(host, "/v2/health/ready")
        process.terminate()
        until(lambda: ask(host, "/v2/health/ready").status == 503)
        refused = ask(host, "/v2/health/ready")
        live = ask(host, "/v2/health/live")
        answered = ask(host, "/predict", PIXELS)
        process.terminate()
        process.communicate(timeout=60)

    assert (before.status, before.headers["Connection"]) == (200, None)
    assert refused.headers["Retry-After"]
    assert [live.status, answered.status] == [200, 200]
    assert answered.headers["Connection"] == "close"
    assert process.returncode == 0


def test_drained_service_stops_by_itself(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_DRAIN_S=0.1) as (_, process):
        process.terminate()
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_interrupt_does_not_wait_for_anybody_to_turn_away(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_DRAIN_S=3600) as (_, process):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_signal_to_all_processes_drains_as_one_to_the_service(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_DRAIN_S=60, ZIFFER_SERVE_WORKERS=2) as (host, process):
        os.killpg(process.pid, signal.SIGTERM)
        until(lambda: ask(host, "/v2/health/ready").status == 503)
        workers = children(process)
        answered = [ask(host, "/predict", PIXELS).status for _ in range(20)]
        process.terminate()
        process.communicate(timeout=60)

    assert len(workers) == 2
    assert answered == [200] * 20


def test_request_that_comes_slowly_is_finished_on_stop(sample_store: Path) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    with service(sample_store, ZIFFER_SERVE_DRAIN_S=0) as (host, process):
        name, _, port = host.partition(":")
        with socket.create_connection((name, int(port)), timeout=60) as connection:
            connection.sendall(head + b"Content-Length: 784\r\n\r\n" + PIXELS[:99])
            # The answer to another request shows that the service has seen this one.
            ask(host, "/healthz")
            process.terminate()
            until(lambda: not is_listening(name, int(port)))
            connection.sendall(PIXELS[99:])
            answer = connection.recv(65_536)
        process.communicate(timeout=60)

    assert answer.startswith(b"HTTP/1.1 200")
    assert process.returncode == 0


def is_listening(host: str, port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection((host, port), timeout=60):
        return True
    return False


def test_worker_that_is_killed_is_replaced(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_WORKERS=2) as (host, process):
        killed = children(process)[0]
        os.kill(killed, signal.SIGKILL)
        answered = [answers_in_the_end(host) for _ in range(20)]
        until(lambda: len([pid for pid in children(process) if is_running(pid)]) == 2)
        workers = children(process)

    assert all(answered)
    assert killed not in workers


def answers_in_the_end(host: str) -> bool:
    """Whether a prediction is answered; one that the killed worker had accepted is asked again."""

    def is_answered() -> bool:
        with suppress(OSError, http.client.HTTPException):
            return ask(host, "/predict", PIXELS).status == 200
        return False

    until(is_answered)
    return True


def test_workers_do_not_survive_the_service(sample_store: Path) -> None:
    with service(sample_store, ZIFFER_SERVE_WORKERS=2) as (_, process):
        workers = children(process)
        process.kill()
        process.wait(timeout=60)
        until(lambda: not any(is_running(worker) for worker in workers))

    assert len(workers) == 2
