"""Receive the bodies of requests: whole, in time, and never more of them than memory is for."""

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from service.errors import InputError, OverloadedError, RequestError
from service.http import too_large
from service.serving.rsgi import ProtocolClosed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.serving.rsgi import Bytes, HTTPProtocol, Scope

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
    """The bodies that are being received and answered in this process; safe to use by threads."""

    def __init__(self, *, max_body_bytes: int, timeout_s: float) -> None:
        """Refuse bodies of more than `max_body_bytes`, and such as take longer than `timeout_s`."""
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._awaited: dict[Bytes, float] = {}
        """When to give up each of the parts of bodies that are being awaited."""
        self._held_bytes = 0
        self._lock = threading.Lock()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on give up what comes too late: one timer of `loop` for all of it."""
        # First of all, so that nothing can end the watch.
        loop.call_later(min(self._timeout_s, 1) / 4, self.watch, loop)
        now = time.monotonic()
        for part, deadline in list(self._awaited.items()):
            if deadline <= now:
                part.cancel()

    async def receive(
        self, scope: "Scope", protocol: "HTTPProtocol", environ: "WSGIEnvironment"
    ) -> bytes:
        """The body of the request, to be given to `release` in the end.

        Raises TooLargeError, TooSlowError, OverloadedError, and InputError where it breaks off.
        """
        length = int(environ.get("CONTENT_LENGTH", -1))
        if length == 0 or (length < 0 and "transfer-encoding" not in scope.headers):
            return b""
        deadline = time.monotonic() + self._timeout_s
        try:
            if 0 <= length <= SMALL_BYTES:
                return await self._within(deadline, protocol())
            return await self._receive_large(protocol, length, deadline)
        except asyncio.CancelledError:
            raise TooSlowError(
                f"The body did not come within {self._timeout_s:g} seconds; try again."
            ) from None
        except ProtocolClosed:
            raise InputError("The body breaks off.", kind="incomplete-body") from None

    def release(self, body: bytes) -> None:
        """`body` has been answered."""
        if len(body) > SMALL_BYTES:
            self._hold(-len(body))

    async def discard(self, protocol: "HTTPProtocol") -> None:
        """Take what still comes of a refused body, for a moment, so that the answer is read.

        A connection that is closed while its client sends is reset, and the answer lost with it.
        """
        deadline = time.monotonic() + _LINGER_S
        with suppress(StopAsyncIteration, asyncio.CancelledError, ProtocolClosed):
            while time.monotonic() < deadline:
                await self._within(deadline, protocol.__anext__())

    async def _receive_large(self, protocol: "HTTPProtocol", length: int, deadline: float) -> bytes:
        parts = aiter(protocol)
        if length > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        body = bytearray()
        try:
            while part := await self._within(deadline, parts.__anext__()):
                body += part
                self._check(len(body), self._hold(len(part)))
            if len(body) < length:
                raise ProtocolClosed
            if length < 0 and not await self._has_ended(parts, deadline):
                raise InputError(
                    "The body breaks off, or has a trailer, which is not taken here.",
                    kind="incomplete-body",
                )
        except BaseException:
            self._hold(-len(body))
            raise
        if len(body) <= SMALL_BYTES:
            self._hold(-len(body))
        return bytes(body)

    async def _has_ended(self, parts: "HTTPProtocol", deadline: float) -> bool:
        """Whether a body in chunks was whole when an empty part came.

        Granian has one empty part at the end of a body, and another where it breaks off before that
        or goes on with a trailer; a part must not pass for the whole.
        """
        try:
            await self._within(deadline, parts.__anext__())
        except StopAsyncIteration:
            return True
        return False

    def _check(self, body_bytes: int, held_bytes: int) -> None:
        if body_bytes > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        if held_bytes > _LARGE_BODIES * self._max_body_bytes:
            raise OverloadedError("The service is receiving too many large bodies; try again.")

    def _hold(self, more_bytes: int) -> int:
        with self._lock:
            self._held_bytes += more_bytes
            return self._held_bytes

    async def _within(self, deadline: float, part: "Bytes") -> bytes:
        """`part`, unless it comes too late, which raises CancelledError."""
        self._awaited[part] = deadline
        try:
            return await part
        finally:
            del self._awaited[part]
