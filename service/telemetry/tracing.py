"""Which request is which, within this service and across all that a request passes."""

import re
from random import getrandbits
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What names a request in logs must not break their lines, and must end somewhere.
_SANE_ID = re.compile(r"[!-~]{1,128}")

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16

_AMAZON_ROOT = re.compile(r"(?:^|;)\s*Root=(1-([0-9a-f]{8})-([0-9a-f]{24}))(?=;|$)", re.ASCII)


class Trace(NamedTuple):
    """Where a request belongs among all that it is part of (W3C Trace Context)."""

    trace_id: str
    """32 hexadecimal digits, the same for all."""
    span_id: str
    """16 hexadecimal digits, for this request here."""
    parent_id: str | None = None
    """The span of whoever sent it."""
    is_sampled: bool = True
    """Whether the sender records it."""


def request_id(environ: "WSGIEnvironment") -> str:
    """What the client, or Amazon's load balancer, calls the request; else a new name."""
    given: str | None = environ.get("HTTP_X_REQUEST_ID")
    if given is not None and _SANE_ID.fullmatch(given):
        return given
    if root := _amazon_root(environ):
        return root[1]
    return f"{getrandbits(128):032x}"


def continue_trace(environ: "WSGIEnvironment") -> Trace:
    """The trace that the request is part of: the one it names, or else a new one.

    A name that is malformed is ignored, as W3C Trace Context (level 1, 3.2) asks for.
    """
    new = f"{getrandbits(192):048x}"
    span_id = new[32:]
    given: str | None = environ.get("HTTP_TRACEPARENT")
    if given is not None and (parent := _parse_traceparent(given)):
        trace_id, parent_id, flags = parent
        return Trace(trace_id, span_id, parent_id, is_sampled=bool(int(flags, 16) & 1))
    if root := _amazon_root(environ):
        return Trace(root[2] + root[3], span_id)
    return Trace(new[:32], span_id)


def _parse_traceparent(header: str) -> tuple[str, str, str] | None:
    """Trace, span and flags of the header `traceparent`, or None where it is malformed."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    # Versions to come may add something; this one may not.
    if version == "ff" or (version == "00" and rest is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return trace_id, span_id, flags


def _amazon_root(environ: "WSGIEnvironment") -> re.Match[str] | None:
    """The identifier of a whole trace as AWS X-Ray writes it: 1-TIME-RANDOM."""
    header: str | None = environ.get("HTTP_X_AMZN_TRACE_ID")
    if header is None:
        header = environ.get("HTTP_LAMBDA_RUNTIME_TRACE_ID")
    return None if header is None else _AMAZON_ROOT.search(header)
