"""Compress answers for clients that ask for it."""

import zlib
from typing import TYPE_CHECKING

from werkzeug.http import parse_accept_header

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What fits into one packet anyway is not worth the time.
_WORTHWHILE_BYTES = 1400

_FASTEST = 1

# The window of each encoding for zlib; "deflate" means a zlib stream (RFC 9110, 8.4.1.2).
_WINDOWS = {"gzip": 31, "deflate": 15}

Headers = list[tuple[str, str]]


def compressed(content: bytes, environ: "WSGIEnvironment") -> tuple[bytes, Headers]:
    """`content` in the encoding that Accept-Encoding prefers, and the headers that say so."""
    accepted = environ.get("HTTP_ACCEPT_ENCODING")
    if not accepted or len(content) < _WORTHWHILE_BYTES:
        return content, []
    # Identity comes first, as * does not mean that a client wants anything else.
    encoding = parse_accept_header(accepted).best_match(["identity", *_WINDOWS])
    if encoding not in _WINDOWS:
        return content, []
    deflate = zlib.compressobj(_FASTEST, wbits=_WINDOWS[encoding])
    packed = deflate.compress(content) + deflate.flush()
    return packed, [("Content-Encoding", encoding), ("Vary", "Accept-Encoding")]
