"""HTTP bodies: requests are read within limits, answers are made without ceremony."""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from flask import current_app

from service.access.headers import API_HEADERS
from service.errors import InputError, TooLargeError, UnsupportedTypeError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from service.inference import Inference

JSON = "application/json"

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

# The window of each Content-Encoding for zlib; "deflate" means a zlib stream (RFC 9110, 8.4.1.2).
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Answer:
    """A response that is complete: a WSGI application, which is what a Flask view may return.

    Flask's own Response negotiates headers that no answer of this service needs, which takes twice
    as long as the prediction.
    """

    __slots__ = ("body", "content_type", "headers", "inference", "status_code")

    def __init__(
        self,
        body: bytes,
        content_type: str = JSON,
        *,
        status_code: int = 200,
        headers: Sequence[tuple[str, str]] = (),
        inference: "Inference | None" = None,
    ) -> None:
        """Answer with `body`; `inference` is what it rests on, if it rests on a model."""
        self.body = body
        self.content_type = content_type
        self.status_code = status_code
        self.headers = headers
        self.inference = inference

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Send it (PEP 3333)."""
        length = str(len(self.body))
        start_response(
            _STATUS_LINES[self.status_code],
            [
                ("Content-Type", self.content_type),
                ("Content-Length", length),
                *API_HEADERS,
                *self.headers,
            ],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def json_answer(
    value: Any,  # noqa: ANN401 - whatever JSON can say
    *,
    status_code: int = 200,
    headers: Sequence[tuple[str, str]] = (),
    inference: "Inference | None" = None,
) -> Answer:
    """Answer with `value`, which may hold arrays of numpy, as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Answer(body, status_code=status_code, headers=headers, inference=inference)


def media_type(environ: "WSGIEnvironment") -> str:
    """The type of the body without its parameters, in lower case; empty where none is given."""
    return _without_parameters(environ.get("CONTENT_TYPE", ""))


@lru_cache(maxsize=16)
def _without_parameters(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def is_asked_for(environ: "WSGIEnvironment", name: str) -> bool:
    """Whether the query says `name=true`; Werkzeug's parser takes as long as the prediction."""
    query: str = environ["QUERY_STRING"]
    return bool(query) and not {f"{name}=true", f"{name}=1"}.isdisjoint(query.split("&"))


def parse_json(body: bytes, name: str = "The body") -> Any:  # noqa: ANN401 - whatever was sent
    """The value of `body`; raises InputError where it is not JSON (RFC 8259: no NaN either)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = error.doc[error.pos : error.pos + 12] or "nothing"
        problem = {"loc": [], "expected": f"JSON: {error.msg}", "got": found}
        raise InputError(
            f"{name} is not valid JSON: {error}.", kind="invalid-json", problems=[problem]
        ) from None


def read_body(environ: "WSGIEnvironment") -> bytes:
    """The body, decompressed, of at most `max_body_bytes` bytes in either form.

    Raises TooLargeError, UnsupportedTypeError for an unknown Content-Encoding, and InputError for
    a damaged one.
    """
    limit: int = current_app.extensions["settings"].max_body_bytes
    body = _raw_body(environ, limit)
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    return body if not encoding else _decompressed(body, encoding, limit)


def _raw_body(environ: "WSGIEnvironment", limit: int) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if not length:
        # A chunked body ends by itself where the server says so; else there is none.
        if not environ.get("wsgi.input_terminated"):
            return b""
        body: bytes = environ["wsgi.input"].read(limit + 1)
        if len(body) > limit:
            raise too_large(limit)
        return body
    # Python refuses to read numbers of some thousands of digits.
    is_number = length.isascii() and length.isdigit() and len(length) < 20
    expected = int(length) if is_number else -1
    if expected < 0:
        raise InputError(f"Content-Length is {length!r}, expected a number of bytes.")
    if expected > limit:
        raise too_large(limit)
    body = environ["wsgi.input"].read(expected)
    if len(body) < expected:
        raise InputError(f"The body ends after {len(body)} of {expected} bytes.")
    return body


def _decompressed(body: bytes, encodings: str, limit: int) -> bytes:
    """Undo each of `encodings`, the last first (RFC 9110, 8.4)."""
    for name in reversed(encodings.split(",")):
        encoding = name.strip().lower()
        if encoding in {"", "identity"}:
            continue
        if encoding not in _WINDOWS:
            raise UnsupportedTypeError(
                f"Content-Encoding {encoding} is not supported: use gzip, deflate or none.",
                headers=[("Accept-Encoding", "gzip, deflate")],
            )
        body = _inflated(body, encoding, limit)
    return body


def _inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` decompressed, which stops at `limit`, however small a bomb it is."""
    inflate = zlib.decompressobj(_WINDOWS[encoding])
    try:
        whole = inflate.decompress(body, limit + 1)
    except zlib.error:
        whole = None
    if whole is not None and len(whole) > limit:
        raise too_large(limit, "decompressed ")
    if whole is None or not inflate.eof or inflate.unused_data:
        raise InputError(
            f"The body is not one whole {encoding} stream, which its Content-Encoding says.",
            kind="invalid-encoding",
        )
    return whole


def too_large(limit: int, how: str = "") -> TooLargeError:
    """The error for a body of more than `limit` bytes."""
    return TooLargeError(
        f"The {how}body is larger than the {limit:,} bytes allowed; send a smaller one."
    )
