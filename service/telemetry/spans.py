"""Tell an OpenTelemetry collector of each request, and of the stages that it went through.

Its packages are optional: `telemetry` imports this module only where a collector is named.
"""

from functools import cached_property
from multiprocessing.util import Finalize
from time import time_ns
from typing import TYPE_CHECKING, Any

from registry.configuration import SettingsError
from service.telemetry.tracing import Trace

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        SpanKind,
        StatusCode,
        TraceFlags,
        Tracer,
        set_span_in_context,
    )
except ImportError as error:
    raise SettingsError(
        f"no traces can be sent to an OTLP endpoint: {error}; either "
        "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http, or unset "
        "ZIFFER_SERVE_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT"
    ) from None

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.telemetry.exchange import Exchange


class Spans:
    """Sends a span for each request that its sender does not want left out.

    All else is set by OpenTelemetry's own variables, such as OTEL_TRACES_SAMPLER.
    """

    def __init__(self, endpoint: str | None) -> None:
        """Send to the collector at `endpoint`; None: where the variables say."""
        self._endpoint = endpoint and f"{endpoint.rstrip('/')}/v1/traces"
        self._resource = Resource.create()
        if str(self._resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            self._resource = self._resource.merge(Resource({SERVICE_NAME: "ziffer"}))

    @cached_property
    def _tracer(self) -> Tracer:
        """Made by the first request, as the thread that sends would not survive a fork."""
        provider = TracerProvider(resource=self._resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(self._endpoint)))
        # Forked workers end without atexit.
        Finalize(None, provider.shutdown, exitpriority=1)
        return provider.get_tracer("ziffer")

    def begin(self, exchange: "Exchange") -> None:
        """Give the request a span that continues its trace, and the trace this span."""
        start_ns = time_ns()
        trace = exchange.trace
        context = None
        if trace is not None and trace.parent_id is not None:
            context = set_span_in_context(NonRecordingSpan(_parent(trace, trace.parent_id)))
        exchange.span = self._tracer.start_span(
            exchange.method, context, SpanKind.SERVER, start_time=start_ns
        )
        own = exchange.span.get_span_context()
        exchange.trace = Trace(f"{own.trace_id:032x}", f"{own.span_id:016x}")

    def end(self, exchange: "Exchange", environ: "WSGIEnvironment") -> None:
        """The request was answered. Names are those of OpenTelemetry's semantic conventions."""
        span = exchange.span
        if not span.is_recording():
            return
        span.update_name(f"{exchange.method} {exchange.route}")
        span.set_attributes(_attributes(exchange, environ))
        if exchange.status >= 500:
            span.set_status(StatusCode.ERROR)
        self._tell_stages(exchange)
        span.end(span.start_time + round(exchange.seconds * 1e9))

    def _tell_stages(self, exchange: "Exchange") -> None:
        """The stages follow one another; what is left of the request's time comes after them."""
        context = set_span_in_context(exchange.span)
        start_ns = exchange.span.start_time
        for name, seconds in exchange.stages:
            stage = self._tracer.start_span(name, context, start_time=start_ns)
            start_ns += round(seconds * 1e9)
            stage.end(start_ns)


def _parent(trace: Trace, parent_id: str) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if trace.is_sampled else TraceFlags.DEFAULT)
    return SpanContext(
        int(trace.trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=flags
    )


def _attributes(exchange: "Exchange", environ: "WSGIEnvironment") -> dict[str, Any]:
    attributes = {
        "http.request.method": exchange.method,
        "http.route": exchange.route,
        "http.response.status_code": exchange.status,
        "url.path": environ["PATH_INFO"],
        "url.scheme": environ["wsgi.url_scheme"],
        "ziffer.request_id": exchange.request_id,
        "ziffer.model.version": exchange.version,
        "ziffer.images": len(exchange.probabilities),
        "error.type": exchange.error,
    }
    return {name: value for name, value in attributes.items() if value is not None}
