"""Receive the bodies of requests: whole, in time, and never more of them than memory is for."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from service.errors import OverloadedError, RequestError
from service.http import too_large
from service.rsgi import ProtocolClosed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.rsgi import HTTPProtocol, Scope

SMALL_BYTES = 65_536
"""A body of at most this size is received in one go; larger ones are counted as they come."""

# Together, in bodies of the largest size: what all large bodies of a worker may hold at a time.
_LARGE_BODIES = 16

# Who is refused while still sending may not look for an answer before having sent for a while.
_LINGER_S = 2


class TooSlowError(RequestError):
    """The body did not come in time."""

    status = 408
    kind = "too-slow"


class Uploads:
    """The bodies that are being received and answered in this process; used by its event loop."""

    def __init__(self, *, max_body_bytes: int, timeout_s: float) -> None:
        """Refuse bodies of more than `max_body_bytes`, and such as take longer than `timeout_s`."""
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._held_bytes = 0
        self._deadlines: dict[asyncio.Task[None], float] = {}
        self._clock: asyncio.TimerHandle | None = None

    async def receive(
        self, scope: "Scope", protocol: "HTTPProtocol", environ: "WSGIEnvironment"
    ) -> bytes:
        """The body of the request, to be given to `release` in the end.

        Raises TooLargeError, TooSlowError, OverloadedError, and ProtocolClosed where the client
        has left.
        """
        length = int(environ.get("CONTENT_LENGTH", -1))
        if length == 0 or (length < 0 and "transfer-encoding" not in scope.headers):
            return b""
        task = self._expect()
        try:
            if 0 <= length <= SMALL_BYTES:
                return await protocol()
            return await self._receive_large(protocol, length)
        except asyncio.CancelledError:
            raise TooSlowError(
                f"The body did not come within {self._timeout_s:g} seconds; try again."
            ) from None
        finally:
            del self._deadlines[task]

    def release(self, body: bytes) -> None:
        """`body` has been answered."""
        if len(body) > SMALL_BYTES:
            self._held_bytes -= len(body)

    async def discard(self, protocol: "HTTPProtocol") -> None:
        """Take what still comes of a refused body, for a moment, so that the answer is read.

        A connection that is closed while its client sends is reset, and the answer lost with it.
        """
        with suppress(TimeoutError, StopAsyncIteration, ProtocolClosed):
            async with asyncio.timeout(_LINGER_S):
                while True:
                    await protocol.__anext__()

    async def _receive_large(self, protocol: "HTTPProtocol", length: int) -> bytes:
        chunks = aiter(protocol)
        if length > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        body = bytearray()
        is_whole = False
        try:
            async for chunk in chunks:
                body += chunk
                self._hold(len(chunk), len(body))
            # Granian ends a body that breaks off as one that ends.
            if len(body) < length:
                raise ProtocolClosed
            is_whole = True
            return bytes(body)
        finally:
            if not is_whole or len(body) <= SMALL_BYTES:
                self._held_bytes -= len(body)

    def _hold(self, chunk_bytes: int, body_bytes: int) -> None:
        self._held_bytes += chunk_bytes
        if body_bytes > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        if self._held_bytes > _LARGE_BODIES * self._max_body_bytes:
            raise OverloadedError("The service is receiving too many large bodies; try again.")

    def _expect(self) -> "asyncio.Task[None]":
        """Cancel the task of this request unless it is done in time.

        One timer for all of them: asyncio.timeout would take a tenth of what a prediction takes.
        """
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[None]", asyncio.current_task(loop))
        self._deadlines[task] = loop.time() + self._timeout_s
        if self._clock is None:
            self._clock = loop.call_later(self._timeout_s / 8, self._cancel_late)
        return task

    def _cancel_late(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, deadline in self._deadlines.items():  # In the order in which they began.
            if deadline > now:
                break
            task.cancel()
        self._clock = (
            loop.call_later(self._timeout_s / 8, self._cancel_late) if self._deadlines else None
        )
