"""A proxy before an S3 server that counts the requests on the wire and makes some of them fail."""

import http.client
import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.registry_servers import Server


class Fault(Enum):
    """What happens to one request."""

    NONE = auto()
    LOST = auto()
    """The connection ends before the server sees the request."""
    UNANSWERED = auto()
    """The server does what it is asked, but the connection ends before it can say so."""
    TIMED_OUT = auto()
    """The server does what it is asked, but the answer does not come in time."""
    TRUNCATED = auto()
    """The connection ends in the middle of the answer's body."""
    REFUSED_409 = auto()
    REFUSED_412 = auto()
    FAILED_500 = auto()
    FAILED_503 = auto()
    DONE_BUT_500 = auto()
    """The server does what it is asked, and then answers that it failed."""
    KILLED_BEFORE = auto()
    """The client is killed before the server sees the request."""
    KILLED_AFTER = auto()
    """The client is killed after the server has done what it was asked."""


_STATUS = {
    Fault.REFUSED_409: (409, "ConditionalRequestConflict"),
    Fault.REFUSED_412: (412, "PreconditionFailed"),
    Fault.FAILED_500: (500, "InternalError"),
    Fault.FAILED_503: (503, "SlowDown"),
    Fault.DONE_BUT_500: (500, "InternalError"),
}
_NOT_FORWARDED = {
    Fault.LOST,
    Fault.REFUSED_409,
    Fault.REFUSED_412,
    Fault.FAILED_500,
    Fault.FAILED_503,
    Fault.KILLED_BEFORE,
}


class Request(NamedTuple):
    """One request as it came over the wire."""

    method: str
    path: str
    client: tuple[str, int]
    """Its end of the connection."""


class Proxy:
    """Forwards to a server; `plan` says what happens to which request, counted from 0."""

    def __init__(self, server: Server) -> None:
        self.upstream = urlsplit(server.endpoint)
        self.requests: list[Request] = []
        self.answers: list[int] = []
        self.plan: Callable[[int], Fault] = lambda number: Fault.NONE
        self.victim = 0
        self._lock = threading.Lock()

    def reset(self, plan: Callable[[int], Fault] = lambda number: Fault.NONE) -> None:
        """Count from 0 again, with another plan."""
        with self._lock:
            self.requests, self.answers, self.plan = [], [], plan

    def arrived(self, request: Request) -> Fault:
        with self._lock:
            self.requests.append(request)
            return self.plan(len(self.requests) - 1)


@contextmanager
def proxied(server: Server, tls: ssl.SSLContext | None = None) -> Iterator[tuple[Proxy, Server]]:
    """A proxy to `server`, and the address at which it listens, with `tls` if there is one."""
    proxy = Proxy(server)
    listener = _Listener(proxy)
    if tls:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        scheme = "https" if tls else "http"
        yield proxy, Server(f"{scheme}://127.0.0.1:{listener.server_address[1]}")
    finally:
        listener.shutdown()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or whose connection was cut, is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server.proxy
        fault = proxy.arrived(Request(self.command, self.path, self.client_address))
        if fault is Fault.KILLED_BEFORE:
            os.kill(proxy.victim, signal.SIGKILL)
        answered = None if fault in _NOT_FORWARDED else self._forward(body)
        if fault is Fault.KILLED_AFTER:
            os.kill(proxy.victim, signal.SIGKILL)
        if fault is Fault.TIMED_OUT:
            self.rfile.read(1)  # Until the client gives up and goes.
        if fault in _STATUS:
            self._answer(*_error(fault))
        elif answered and fault in {Fault.NONE, Fault.TRUNCATED}:
            self._answer(*answered, torn=fault is Fault.TRUNCATED)
        else:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 - the base's names

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = self.server.proxy.upstream
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():  # Host, too: it is signed.
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, *, torn: bool = False
    ) -> None:
        self.server.proxy.answers.append(status)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if torn else body)
        self.close_connection = torn or self.close_connection

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


def _error(fault: Fault) -> tuple[int, list[tuple[str, str]], bytes]:
    status, code = _STATUS[fault]
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    return status, [("Content-Type", "application/xml")], body.encode()
