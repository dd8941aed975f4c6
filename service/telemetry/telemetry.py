"""All that operators see of a request, from one place."""

import os
from time import perf_counter
from typing import TYPE_CHECKING

from service.telemetry.exchange import Exchange
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import continue_trace, request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask import Response
    from werkzeug.routing import Rule

    from service.http import Answer
    from service.settings import ServiceSettings
    from service.telemetry.access_log import AccessLog
    from service.telemetry.spans import Spans

_OTLP_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Telemetry:
    """Metrics, access log and traces; made before the workers are forked, and used in each."""

    def __init__(self, settings: "ServiceSettings") -> None:
        """Count in any case; log and trace what `settings` ask for.

        Raises SettingsError where traces are asked for and their packages are missing.
        """
        self.metrics = Metrics(settings.workers)
        self._log = _open_log(settings, self.metrics)
        self._spans = _open_spans(settings)
        self._is_tracing = self._log is not None or self._spans is not None

    def begin(self, environ: "WSGIEnvironment") -> Exchange:
        """A request is there."""
        self.metrics.requests.begin()
        exchange = Exchange(environ["REQUEST_METHOD"], request_id(environ))
        if self._is_tracing:
            exchange.trace = continue_trace(environ)
            if self._spans is not None:
                self._spans.begin(exchange)
        return exchange

    def end(
        self,
        exchange: Exchange,
        environ: "WSGIEnvironment",
        answer: "Answer | Response",
        rule: "Rule | None",
    ) -> None:
        """It is answered, by what matched `rule`."""
        exchange.seconds = perf_counter() - exchange.started_s
        exchange.status = answer.status_code
        if rule is not None:
            exchange.route = rule.rule
        inference = getattr(answer, "inference", None)
        if inference is not None:
            exchange.rest_on(inference)
        self.metrics.requests.end(exchange)
        if self._spans is not None:
            self._spans.end(exchange, environ)
        if self._log is not None:
            exchange.sent = _size(answer)
            self._log.write(exchange, environ)


def _open_log(settings: "ServiceSettings", metrics: Metrics) -> "AccessLog | None":
    if settings.access_log == "none":
        return None
    # Imported here, as below: what is not asked for need not be waited for.
    from service.telemetry.access_log import AccessLog

    return AccessLog(
        settings.access_log,
        trusted_proxies=settings.trusted_proxies,
        lost=metrics.lost_line,
    )


def _open_spans(settings: "ServiceSettings") -> "Spans | None":
    if not settings.otlp_endpoint and not any(map(os.environ.get, _OTLP_VARIABLES)):
        return None
    from service.telemetry.spans import Spans

    return Spans(settings.otlp_endpoint)


def _size(answer: "Answer | Response") -> int:
    body: bytes | None = getattr(answer, "body", None)
    return len(body) if body is not None else getattr(answer, "content_length", None) or 0
