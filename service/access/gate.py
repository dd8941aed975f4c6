"""The gate before the routes: it knows who asks, and refuses what they may not."""

import logging
import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

from service.access.address import client_address
from service.access.admin import KEY, challenge
from service.access.cors import Cors, Headers, parse_origins
from service.access.key_ring import Key, KeyRing
from service.access.rate_limit import Allowance, RateLimit
from service.errors import RateLimitedError, UnauthorizedError
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_ALLOWANCE = "ziffer.allowance"

# What says nothing of anybody's digits, and what platforms ask without a key. All else needs one,
# so that a route that nobody thought of here is closed.
OPEN_PATHS = frozenset(
    {
        "/",
        "/docs",
        "/favicon.ico",
        "/healthz",
        "/openapi.json",
        "/ping",
        "/v2/health/live",
        "/v2/health/ready",
    }
)
OPEN_PREFIXES = ("/errors/", "/page/")
METRICS_PATH = "/metrics"

_log = logging.getLogger("service")


class Gate:
    """Checks each request before it is routed."""

    def __init__(
        self,
        *,
        keys: KeyRing | None = None,
        limit: RateLimit | None = None,
        cors: Cors | None = None,
        open_paths: Iterable[str] = OPEN_PATHS,
        trusted_proxies: int = 0,
    ) -> None:
        """Ask for one of `keys` on all but `open_paths`, and limit all but these to `limit`."""
        self._keys = keys
        self._limit = limit
        self._cors = cors
        self._open_paths = frozenset(open_paths)
        self._trusted_proxies = trusted_proxies

    def check(self, environ: "WSGIEnvironment") -> Response | None:
        """The answer to what a browser asks before it sends a request; None: go on.

        Raises UnauthorizedError, ForbiddenError or RateLimitedError for what is refused.
        """
        allowed = None if self._cors is None else self._cors.preflight(environ)
        if allowed is not None:
            answer = Response(status=204, headers=allowed)
            del answer.headers["Content-Type"]
            return answer
        path = environ["PATH_INFO"]
        if path in self._open_paths or path.startswith(OPEN_PREFIXES):
            return None
        client = None
        if self._keys is not None:
            key = environ[KEY] = _admit(self._keys, environ)
            client = key.name
        if self._limit is not None:
            client = client or client_address(environ, trusted_proxies=self._trusted_proxies)
            environ[_ALLOWANCE] = _granted(self._limit, client)
        return None

    def headers(self, environ: "WSGIEnvironment") -> Headers:
        """What the answer to a request carries besides its own headers, errors included."""
        headers = [] if self._cors is None else self._cors.headers(environ)
        allowance = environ.get(_ALLOWANCE)
        if self._limit is not None and allowance is not None:
            headers += _rate_headers(self._limit, allowance)
        return headers


def open_gate(settings: ServiceSettings, *, open_paths: Iterable[str] = ()) -> Gate:
    """The gate that `settings` describe.

    `open_paths` are open besides those that always are. Raises SettingsError where the file of
    API keys cannot be used. To be called before workers are forked: they count in shared memory.
    """
    keys = None
    if settings.api_keys:
        keys = KeyRing(settings.api_keys, _log.warning)
    limit = RateLimit(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None
    cors = Cors(parse_origins(settings.cors_origins)) if settings.cors_origins else None
    metrics = () if settings.metrics_need_key else (METRICS_PATH,)
    return Gate(
        keys=keys,
        limit=limit,
        cors=cors,
        open_paths={*OPEN_PATHS, *metrics, *open_paths},
        trusted_proxies=settings.trusted_proxies,
    )


def _admit(keys: KeyRing, environ: "WSGIEnvironment") -> Key:
    presented = _presented(environ)
    if not presented:
        raise UnauthorizedError(
            "This needs an API key: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
            headers=challenge(),
        )
    key = keys.find(presented)
    if key is None or time.time() >= key.expires_at:
        fault = "is not known here" if key is None else "has expired"
        raise UnauthorizedError(
            f"The API key {fault}: ask whoever runs the service for one.",
            headers=challenge("invalid_token"),
        )
    return key


def _presented(environ: "WSGIEnvironment") -> str:
    """The key in a request, or nothing; never one in the address, which lands in logs.

    X-API-Key comes first, as a platform's own token may be in Authorization.
    """
    key: str | None = environ.get("HTTP_X_API_KEY")
    if key is not None:
        return key.strip()
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def _granted(limit: RateLimit, client: str) -> Allowance:
    allowance = limit.take(client)
    if not allowance.is_granted:
        wait_s = math.ceil(allowance.wait_s)
        raise RateLimitedError(
            f"Too many requests came from {client}: wait {wait_s} s.",
            headers=[("Retry-After", str(wait_s)), *_rate_headers(limit, allowance)],
        )
    return allowance


def _rate_headers(limit: RateLimit, allowance: Allowance) -> Headers:
    state = f'"default";r={allowance.remaining};t={math.ceil(allowance.wait_s)}'
    return [("RateLimit-Policy", limit.policy), ("RateLimit", state)]
