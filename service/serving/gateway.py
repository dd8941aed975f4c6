"""Between Granian and Flask: RSGI requests in, answers of a WSGI application out.

The body is awaited, so that a client that stalls costs no thread. Work that takes less than a
millisecond is then done where the body came, as handing it over would take as long; longer work
goes to threads.
"""

import asyncio
import io
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask

from service.errors import OverloadedError, RequestError
from service.serving.drain import Drain
from service.serving.environ import environ_of
from service.serving.listener import hang_up_on_who_does_not_read
from service.serving.placement import Placement
from service.serving.pool import Pool
from service.serving.upload import Uploads
from service.serving.workload import Workload
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.serving.rsgi import HTTPProtocol, Scope

Head = tuple[int, list[tuple[str, str]]]
"""Status and headers of an answer."""


class Gateway:
    """One worker's way to the application."""

    def __init__(self, app: Flask, settings: ServiceSettings, drain: Drain) -> None:
        """Let `app` answer, within the limits of `settings`."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop of the main thread, once it runs."""
        self._app = app
        self._drain = drain
        self._timeout_s = settings.body_timeout_s
        self._workload = Workload(settings)
        self._pool = Pool(settings.threads, settings.queue_limit)
        self._uploads = Uploads(
            max_body_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s
        )

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to work."""
        self._pool.start()
        self._uploads.watch(loop)
        Placement().watch(loop)
        # Granian listens before the loop comes to this.
        loop.call_soon(hang_up_on_who_does_not_read, self._timeout_s)
        self.loop = loop

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        """Answer one request."""
        environ = environ_of(scope)
        try:
            body = await self._uploads.receive(scope, protocol, environ)
        except RequestError as error:
            self._refuse(error, environ, protocol, is_last=True)
            await self._uploads.discard(protocol)
            return
        try:
            await self._dispatch(body, environ, protocol)
        finally:
            self._uploads.release(body)

    async def _dispatch(
        self, body: bytes, environ: "WSGIEnvironment", protocol: "HTTPProtocol"
    ) -> None:
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        if self._workload.is_short(environ, body):
            self._answer(environ, protocol)
            return
        try:
            await self._pool.run(partial(self._answer, environ, protocol))
        except OverloadedError as error:
            self._refuse(error, environ, protocol)

    def _refuse(
        self,
        error: RequestError,
        environ: "WSGIEnvironment",
        protocol: "HTTPProtocol",
        *,
        is_last: bool = False,
    ) -> None:
        """Let the application tell `error`, as it logs and counts what it tells."""
        environ["wsgi.input"] = io.BytesIO()
        environ["ziffer.refusal"] = error
        self._answer(environ, protocol, is_last=is_last)
        # The error knows where it was raised and by whom, and so would keep the connection.
        error.__traceback__ = error.__context__ = None

    def _answer(
        self, environ: "WSGIEnvironment", protocol: "HTTPProtocol", *, is_last: bool = False
    ) -> None:
        head: list[Head] = []
        chunks = self._app.wsgi_app(environ, partial(_start, head))
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        ((status, headers),) = head
        if is_last or self._drain.is_draining:
            headers.append(("Connection", "close"))
        protocol.response_bytes(status, headers, body)


def _start(
    head: list[Head],
    status: str,
    headers: list[tuple[str, str]],
    _: Any = None,  # noqa: ANN401 - PEP 3333
    /,
) -> Any:  # noqa: ANN401 - as above; Flask never calls it
    """Take note of the head of an answer."""
    head[:] = [(int(status[:3]), headers)]
