"""A line for each request, for programs or for people."""

from collections.abc import Callable
from functools import lru_cache
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson

from service.access.address import client_address
from service.telemetry.log_sink import LogSink

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.telemetry.exchange import Exchange

LineFormat = Literal["json", "text"]

STANDARD_OUTPUT = 1
_LONGEST_TEXT = 256
"""Characters of a client's own text, so that a line is never longer than a sink takes."""


class AccessLog:
    """Writes lines without waiting for their reader: what cannot be written is counted as lost.

    Nothing that may be a secret is logged: no query, no header but User-Agent, no body.
    """

    def __init__(
        self,
        line_format: LineFormat,
        *,
        trusted_proxies: int = 0,
        lost: Callable[[], None] = lambda: None,
        descriptor: int = STANDARD_OUTPUT,
    ) -> None:
        """Write to `descriptor`, and call `lost` for each line that could not be written."""
        self._line = _json_line if line_format == "json" else _text_line
        self._trusted_proxies = trusted_proxies
        self._lost = lost
        self._sink = LogSink(descriptor)

    def write(self, exchange: "Exchange", environ: "WSGIEnvironment") -> None:
        """Log a request that was answered."""
        client = client_address(environ, trusted_proxies=self._trusted_proxies)
        if not self._sink.write(self._line(entry(exchange, environ, client))):
            self._lost()

    def close(self) -> None:
        """Write no more."""
        self._sink.close()


def entry(exchange: "Exchange", environ: "WSGIEnvironment", client: str) -> dict[str, Any]:
    """What is logged of a request; what is not known of it is left out."""
    fields = {
        "time": _now(),
        "level": _level(exchange.status),
        "request_id": exchange.request_id,
        "method": _printable(exchange.method),
        "route": exchange.route,
        "path": _printable(_path(environ)),
        "status": exchange.status,
        "duration_ms": round(exchange.seconds * 1000, 3),
        "bytes_in": _content_length(environ),
        "bytes_out": exchange.sent,
        "client": _printable(client),
        "user_agent": _printable(environ.get("HTTP_USER_AGENT", "")),
    }
    if exchange.trace is not None:
        fields |= {"trace_id": exchange.trace.trace_id, "span_id": exchange.trace.span_id}
    if exchange.version is not None:
        fields |= {"model_version": exchange.version, "images": len(exchange.probabilities)}
        if len(exchange.probabilities) == 1:
            fields["digit"] = int(np.argmax(exchange.probabilities[0]))
    if exchange.rejected:
        fields["rejected"] = exchange.rejected[0]
    if exchange.error is not None:
        fields["error"] = exchange.error
    return fields


def _json_line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _text_line(fields: dict[str, Any]) -> bytes:
    first = ("time", "level", "method", "path", "status")
    words = [_quoted(fields[name]) for name in first]
    words += [f"{name}={_quoted(value)}" for name, value in fields.items() if name not in first]
    return " ".join(words).encode() + b"\n"


def _quoted(value: object) -> str:
    text = str(value)
    if text and not set(text) & set(" \"'="):
        return text
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _content_length(environ: "WSGIEnvironment") -> int:
    given: str = environ.get("CONTENT_LENGTH", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0


def _path(environ: "WSGIEnvironment") -> str:
    """The path as the client meant it: PEP 3333 has a character for each of its bytes."""
    path: str = environ["PATH_INFO"]
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _printable(text: str) -> str:
    """`text`, shortened, in which nothing can end a line or command a terminal."""
    text = text[:_LONGEST_TEXT]
    if text.isprintable():
        return text
    escaped = [
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    ]
    return "".join(escaped)[:_LONGEST_TEXT]


def _level(status: int) -> str:
    if status < 400:
        return "info"
    return "warning" if status < 500 else "error"


def _now() -> str:
    """The time in UTC (RFC 3339), to a millisecond."""
    now_s = time()
    whole_s = int(now_s)
    return f"{_second(whole_s)}.{int((now_s - whole_s) * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(time_s: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(time_s))
