"""What the gateway uses of RSGI, Granian's interface, whose own types leave out a part of it."""

from collections.abc import Awaitable
from typing import Protocol

from granian import rsgi

ProtocolClosed: type[Exception] = rsgi.ProtocolClosed  # type: ignore[attr-defined] # as above
"""The client has left."""


class Headers(Protocol):
    """The headers of a request, their names in lower case."""

    def __contains__(self, name: str) -> bool:
        """Whether there is one called `name`."""

    def items(self) -> list[tuple[str, str]]:
        """Names and values; a name that was sent twice comes twice."""


class Scope(Protocol):
    """All of a request but its body."""

    http_version: str
    """`1`, which means 1.0, or `1.1`."""
    server: str
    client: str
    scheme: str
    method: str
    path: str
    """With no percent signs any more."""
    query_string: str

    @property
    def headers(self) -> Headers:
        """A new object each time."""


class Bytes(Awaitable[bytes], Protocol):
    """A body, or a part of it, that may come."""

    def cancel(self) -> bool:
        """Give it up: whoever awaits it gets a CancelledError."""


class HTTPProtocol(Protocol):
    """The body of a request, and the way back."""

    def __call__(self) -> Bytes:
        """The whole body; raises ProtocolClosed."""

    def __aiter__(self) -> "HTTPProtocol":
        """Itself, which may be asked for only once."""

    def __anext__(self) -> Bytes:
        """The next part of the body, empty at its end; raises StopAsyncIteration after that."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer; may be called in any thread."""
