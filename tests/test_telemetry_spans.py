"""Traces arrive at a collector; needs OpenTelemetry, which is optional."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from registry.configuration import SettingsError
from service.settings import ServiceSettings
from service.telemetry.telemetry import Telemetry
from tests import programs

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

# A worker as Granian makes it: forked, and ended without atexit.
WORKER = """
import multiprocessing
from types import SimpleNamespace
from service.http import Answer
from service.inference import Inference, Stages
from service.models.classifier import Reading
from service.settings import ServiceSettings
from service.telemetry.telemetry import Telemetry
import numpy as np

telemetry = Telemetry(ServiceSettings(otlp_endpoint=ENDPOINT))

def work():
    for status, parent in ((200, PARENT), (200, PARENT[:-2] + "00"), (503, "malformed")):
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/predict", "wsgi.url_scheme": "http",
                   "HTTP_TRACEPARENT": parent, "HTTP_X_REQUEST_ID": "one"}
        exchange = telemetry.begin(environ)
        stages = Stages()
        stages.end("decode")
        stages.end("infer")
        version = SimpleNamespace(card=SimpleNamespace(version=3))
        reading = Reading(np.eye(10, dtype=np.float32)[:1], None)
        inference = Inference(version, reading, stages) if status == 200 else None
        answer = Answer(b"{}", status_code=status, inference=inference)
        if status == 503:
            exchange.error = "overloaded"
        telemetry.end(exchange, environ, answer, SimpleNamespace(rule="/predict"))

multiprocessing.set_start_method("fork")
worker = multiprocessing.Process(target=work)
worker.start()
worker.join()
"""


class Collector(ThreadingHTTPServer):
    """Keeps what it is told by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run_worker(endpoint: str | None, **variables: str) -> None:
    program = f"ENDPOINT, PARENT = {endpoint!r}, {PARENT!r}\n{WORKER}"
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=programs.ROOT,
        env=programs.environment(**variables),
        check=True,
        timeout=120,
    )


def received(collector: Collector) -> tuple[dict[str, Any], list[Any]]:
    """The resource's attributes, and all spans."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    resources = [
        resource
        for body in collector.bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
    ]
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    return attributes(resources[0].resource), spans


def attributes(described: Any) -> dict[str, Any]:  # noqa: ANN401 - of any message
    return {
        attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value"))
        for attribute in described.attributes
    }


@pytest.mark.parametrize("is_variable", [False, True], ids=["setting", "variable"])
def test_collector_is_told_of_requests_and_their_stages(
    collector: Collector, *, is_variable: bool
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")
    if is_variable:
        run_worker(None, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    else:
        run_worker(collector.url)

    resource, spans = received(collector)
    assert set(collector.paths) == {"/v1/traces"}
    assert resource["service.name"] == "ziffer"
    # Its sender wants the second request left out.
    assert sorted(span.name for span in spans) == ["POST /predict"] * 2 + ["decode", "infer"]
    _, trace_id, parent_id, _ = PARENT.split("-")
    first, failed = sorted(
        (span for span in spans if span.kind == span.SPAN_KIND_SERVER),
        key=lambda span: span.start_time_unix_nano,
    )
    assert first.trace_id.hex() == trace_id
    assert first.parent_span_id.hex() == parent_id
    assert attributes(first)["ziffer.model.version"] == 3
    assert attributes(first)["http.route"] == "/predict"
    assert failed.trace_id.hex() != trace_id
    assert attributes(failed)["error.type"] == "overloaded"
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    for stage in (span for span in spans if span.name in {"decode", "infer"}):
        assert stage.parent_span_id == first.span_id
        assert first.start_time_unix_nano <= stage.start_time_unix_nano
        assert stage.end_time_unix_nano <= first.end_time_unix_nano


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "service.telemetry.spans", raising=False)

    with pytest.raises(SettingsError, match=r"pip install opentelemetry-sdk .*otlp-proto-http"):
        Telemetry(ServiceSettings(otlp_endpoint="http://127.0.0.1:4318"))
