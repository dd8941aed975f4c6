"""Cross-origin resource sharing: which other sites may read the answers (Fetch Standard, 3.2)."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ANY = "*"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# A browser sends no other header, method or credential than these to another origin.
_ALLOWED = [
    ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, "
        "Traceparent, Tracestate, X-API-Key, X-Request-Id, X-Routing-Key",
    ),
    ("Access-Control-Max-Age", "7200"),
]
_EXPOSED = (
    "Access-Control-Expose-Headers",
    "Inference-Header-Content-Length, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "
    "WWW-Authenticate, X-Model-Digest, X-Model-Version, X-Request-Id",
)
_VARY = ("Vary", "Origin")

Headers = list[tuple[str, str]]


def parse_origins(text: str) -> frozenset[str]:
    """The origins in a list with commas; raises ValueError for what no browser would send."""
    origins = [origin for part in text.split(",") if (origin := part.strip())]
    for origin in origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin} is no origin: write https://example.org or http://localhost:3000, "
                "in lower case and without a path, separated by commas, or * for all"
            )
        address = urlsplit(origin)
        if address.port is not None and address.port == _DEFAULT_PORTS.get(address.scheme):
            raise ValueError(f"browsers leave out the port of {origin}: leave it out, too")
    return frozenset(origins)


class Cors:
    """The rules for requests from other origins. No cookie plays a part, so none is asked for."""

    def __init__(self, origins: Collection[str]) -> None:
        """Let pages of `origins` read answers; `*` among them: pages of all."""
        self._origins = frozenset(origins)
        self._is_open = ANY in self._origins

    def preflight(self, environ: "WSGIEnvironment") -> Headers | None:
        """What the answer carries besides `headers` where this asks what a page may send.

        None where this asks something else.
        """
        if environ["REQUEST_METHOD"] != "OPTIONS" or "HTTP_ORIGIN" not in environ:
            return None
        if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ:
            return None
        return _ALLOWED if self._granted(environ) else []

    def headers(self, environ: "WSGIEnvironment") -> Headers:
        """What every answer carries besides, errors among them: a page must be able to read why."""
        granted = self._granted(environ)
        return [*granted, _EXPOSED, _VARY] if granted else [_VARY]

    def _granted(self, environ: "WSGIEnvironment") -> Headers:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return []
        if self._is_open:
            return [("Access-Control-Allow-Origin", ANY)]
        return [("Access-Control-Allow-Origin", origin)] if origin in self._origins else []
