"""The Lambda Runtime API as AWS documents it, for a function that runs on this machine.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_BASE = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:digits"


class FunctionError(Exception):
    """What the function failed with: of an invocation, or of its start."""

    def __init__(self, report: dict[str, Any]) -> None:
        super().__init__(f"{report['errorType']}: {report['errorMessage']}")
        self.kind: str = report["errorType"]
        self.message: str = report["errorMessage"]
        self.trace: list[str] = report["stackTrace"]


class _Outcome(NamedTuple):
    kind: str
    """`response`, or `error`, of an invocation or of the start."""
    body: bytes


class LambdaRuntime:
    """Gives events to the one function that asks at `address`, and takes its answers."""

    def __init__(self, address: str) -> None:
        self.address = address
        """What belongs into the function's AWS_LAMBDA_RUNTIME_API."""
        self.invocations = 0
        self.events: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        self.outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()

    def invoke(self, event: Any, *, limit_s: float = 60) -> Any:  # noqa: ANN401 - whatever JSON can say
        """What the function answers to `event`; raises FunctionError.

        `limit_s` is what the function is told of its own limit; nobody stops it then.
        """
        self.invocations += 1
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": f"8476a536-e9f4-11e8-9739-{self.invocations:012d}",
            "Lambda-Runtime-Deadline-Ms": str(round((time.time() + limit_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
        }
        self.events.put((headers, json.dumps(event).encode()))
        return self.outcome()

    def outcome(self) -> Any:  # noqa: ANN401 - as above
        """The next thing that the function says; raises FunctionError, also where it cannot start.

        Raises queue.Empty where it says nothing for a minute.
        """
        kind, body = self.outcomes.get(timeout=60)
        said = json.loads(body)
        if kind == "error":
            raise FunctionError(said)
        return said


@contextmanager
def lambda_runtime() -> Iterator[LambdaRuntime]:
    """A Runtime API at an address of its own."""
    listener = _Listener(("127.0.0.1", 0), _Handler)
    listener.runtime = LambdaRuntime(f"127.0.0.1:{listener.server_address[1]}")
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield listener.runtime
    finally:
        listener.shutdown()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    runtime: LambdaRuntime

    def handle_error(self, request: object, client_address: object) -> None:
        """A function that was stopped while it waited is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # An answer is written in two pieces.
    server: _Listener

    def do_GET(self) -> None:
        assert urlsplit(self.path).path == f"{_BASE}/invocation/next"
        headers, event = self.server.runtime.events.get()
        self._answer(200, headers, event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path.startswith(f"{_BASE}/invocation/") or self.path == f"{_BASE}/init/error"
        self.server.runtime.outcomes.put(_Outcome(self.path.rpartition("/")[2], body))
        self._answer(202, {"Content-Type": "application/json"}, b'{"status": "OK"}')

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""
