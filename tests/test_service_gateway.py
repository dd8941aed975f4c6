"""Clients that stall hold up nobody, and work that takes long is bounded."""

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response

from service.serving.direct import Request
from service.serving.drain import Drain
from service.serving.gateway import Gateway
from service.settings import ServiceSettings
from tests.programs import environment, free_port, serving
from tests.test_service_environ import Headers, Scope

PIXELS = bytes(784)
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
BODY_TIMEOUT_S = 4


@pytest.fixture(scope="module")
def address(sample_store: Path) -> Iterator[tuple[str, int]]:
    """A service with little patience."""
    env = environment(
        ZIFFER_STORE=sample_store,
        PORT=free_port(),
        ZIFFER_SERVE_BODY_TIMEOUT_S=BODY_TIMEOUT_S,
        ZIFFER_SERVE_HEADER_TIMEOUT_S=BODY_TIMEOUT_S,
        ZIFFER_SERVE_MAX_BODY_BYTES=1_000_000,
    )
    with serving([sys.executable, "-m", "service"], env) as (url, process):
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        yield parts.hostname, parts.port
        process.terminate()
        output, _ = process.communicate(timeout=60)
        # Whatever clients did, it is not for the service's operator to read about.
        assert "Traceback" not in output
        assert "ERROR" not in output


def connected(address: tuple[str, int], start: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=60)
    connection.sendall(start)
    return connection


def rest(connection: socket.socket) -> bytes:
    """What still comes until the service closes the connection."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def request(address: tuple[str, int], method: str, path: str, body: bytes = b"") -> int:
    headers = {"Content-Type": "application/octet-stream"} if body else {}
    with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        response.read()
        return response.status


def test_clients_that_stall_hold_up_nobody_and_are_cut(address: tuple[str, int]) -> None:
    in_body = HEAD + b"Content-Length: 784\r\n\r\n" + PIXELS[:700]
    in_large_body = HEAD + b"Content-Length: 900000\r\n\r\n" + PIXELS
    in_chunk = HEAD + b"Transfer-Encoding: chunked\r\n\r\n310\r\n" + PIXELS[:700]
    with ExitStack() as stack:
        stalled = {
            kind: [stack.enter_context(connected(address, start)) for _ in range(64)]
            for kind, start in {"body": in_body, "head": HEAD}.items()
        }
        stalled["large"] = [stack.enter_context(connected(address, in_large_body))]
        stalled["chunk"] = [stack.enter_context(connected(address, in_chunk))]
        answered = [
            (
                request(address, "GET", "/v2/health/ready"),
                request(address, "POST", "/predict", PIXELS),
            )
            for _ in range(8)
        ]
        ends = {
            kind: [rest(connection) for connection in connections]
            for kind, connections in stalled.items()
        }

    assert answered == [(200, 200)] * 8
    assert all(
        end.startswith(b"HTTP/1.1 408") for kind in ("body", "large", "chunk") for end in ends[kind]
    )
    assert json.loads(ends["body"][0].partition(b"\r\n\r\n")[2])["status"] == 408
    assert set(ends["head"]) == {b""}


def test_clients_that_do_not_read_hold_up_nobody(address: tuple[str, int]) -> None:
    asks = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(connected(address, asks))
        statuses = [request(address, "POST", "/predict", PIXELS) for _ in range(8)]

    assert statuses == [200] * 8


def test_too_large_a_body_is_refused_before_it_has_come(address: tuple[str, int]) -> None:
    with connected(address, HEAD + b"Content-Length: 1000001\r\n\r\n") as connection:
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer


def test_who_sends_too_much_still_gets_to_read_why(address: tuple[str, int]) -> None:
    status = request(address, "POST", "/predict", bytes(8_000_000))

    assert status == 413


def test_endless_body_is_refused_at_the_limit(address: tuple[str, int]) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with connected(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as connection:
        for _ in range(1_000_001 // 0x10000 + 1):
            connection.sendall(chunk)
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413")


def test_memory_for_bodies_is_bounded(address: tuple[str, int]) -> None:
    start = HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(990_000)
    with ExitStack() as stack:
        stalled = [stack.enter_context(connected(address, start)) for _ in range(17)]
        small = request(address, "POST", "/predict", PIXELS)
        statuses = sorted(connection.recv(12)[9:] for connection in stalled)

    assert small == 200
    assert statuses == [b"408"] * 16 + [b"503"]


def test_body_in_chunks_is_put_together(address: tuple[str, int]) -> None:
    chunks = b"1\r\n\0\r\n30f\r\n" + PIXELS[1:] + b"\r\n0\r\n\r\n"
    with connected(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) as connection:
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 200")


def test_body_that_breaks_off_is_told_so(address: tuple[str, int]) -> None:
    answers = []
    for length in (784, 100_000):
        start = HEAD + f"Content-Length: {length}\r\n\r\n".encode() + PIXELS[:99]
        with connected(address, start) as connection:
            connection.shutdown(socket.SHUT_WR)
            answers.append(rest(connection))

    assert all(answer.startswith(b"HTTP/1.1 400") for answer in answers)
    assert all(b"/errors/incomplete-body" in answer for answer in answers)


def test_clients_that_leave_are_not_missed(address: tuple[str, int]) -> None:
    whole = HEAD + b"Content-Length: 784\r\n\r\n" + PIXELS
    for start in (whole[:-1], whole, HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n"):
        connected(address, start).close()

    assert request(address, "POST", "/predict", PIXELS) == 200


def test_requests_may_be_sent_ahead(address: tuple[str, int]) -> None:
    predict = HEAD + b"Content-Length: 784\r\n\r\n" + PIXELS
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(address, predict * 3 + last) as connection:
        answers = rest(connection)

    assert answers.count(b"HTTP/1.1 200") == 4
    assert answers.endswith(b'{"live":true,"ready":true}')


def test_who_asks_first_is_told_to_go_on(address: tuple[str, int]) -> None:
    with connected(
        address, HEAD + b"Expect: 100-continue\r\nContent-Length: 784\r\n\r\n"
    ) as connection:
        interim = connection.recv(65_536)
        connection.sendall(PIXELS)
        answer = connection.recv(65_536)

    assert interim.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 200")


def test_head_has_the_headers_and_no_body(address: tuple[str, int]) -> None:
    with connected(
        address, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ) as connection:
        answer = rest(connection)

    assert b"content-length: 26\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@dataclass
class Exchange:
    """One request and its answer, without a network."""

    body: bytes = b""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    is_answered: threading.Event = field(default_factory=threading.Event)

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answers.append((status, dict(headers), body))
        self.is_answered.set()

    @property
    def answer(self) -> tuple[int, dict[str, str], bytes]:
        assert self.is_answered.wait(60)
        return self.answers[0]


class Stage:
    """An application one of whose views takes as long as it is told to."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - as the settings have it
        self.may_end = threading.Event()
        self.drain = Drain()
        app = Flask("stage")
        app.get("/long")(self._wait)
        app.get("/healthz")(lambda: "well")
        app.wsgi_app = refusing(app.wsgi_app)  # type: ignore[method-assign] # as Flask documents
        self.gateway = Gateway(app, ServiceSettings(**settings), self.drain)
        self.gateway._pool.start()

    def ask(self, path: str) -> Exchange:
        exchange = Exchange()
        scope: Any = Scope(Headers(), path=path, method="GET")
        protocol: Any = exchange
        Request(self.gateway.__rsgi__(scope, protocol))
        return exchange

    def _wait(self) -> Response:
        self.may_end.wait(60)
        return Response("done")


def refusing(wsgi_app: Any) -> Any:  # noqa: ANN401 - a WSGI application
    """Answer with what the gateway refuses, as the service's application does."""

    def application(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - as above
        if error := environ.get("ziffer.refusal"):
            start_response(f"{error.status} x", list(error.headers))
            return [str(error).encode()]
        return wsgi_app(environ, start_response)

    return application


def test_more_long_work_than_may_wait_is_refused_at_once() -> None:
    stage = Stage(threads=1, queue_limit=1)
    admitted = [stage.ask("/long"), stage.ask("/long")]

    refused = stage.ask("/long").answers
    health = stage.ask("/healthz").answers
    stage.may_end.set()

    assert [(status, headers["Retry-After"]) for status, headers, _ in refused] == [(503, "1")]
    assert [status for status, _, _ in health] == [200]
    assert [exchange.answer[0] for exchange in admitted] == [200, 200]


def test_finished_long_work_makes_room() -> None:
    stage = Stage(threads=1, queue_limit=0)
    stage.may_end.set()

    statuses = []
    for _ in range(20):
        exchange = stage.ask("/long")
        statuses.append(exchange.answer[0])

    assert 200 in statuses[1:]


def test_connections_end_with_their_answer_while_draining() -> None:
    stage = Stage()
    before = stage.ask("/healthz").answers[0][1]
    stage.drain.begin()
    after = stage.ask("/healthz").answers[0][1]

    assert "Connection" not in before
    assert after["Connection"] == "close"
