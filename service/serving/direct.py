"""Run requests in the thread in which Granian has them.

Granian has one thread for the network and one that may run Python. The second hands each request to
an event loop in a third, the main thread, by writing to a pipe, and does so again when the body has
come. That takes as long as a prediction. The loop here lets the second thread go on by itself: the
main thread has nothing left to do but timers and the end.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from granian._loops import loops

NAME = "direct"
"""What to call this loop in Granian's settings."""

_context = contextvars.copy_context()


class Awaited(Protocol):
    """What a request can wait for."""

    def add_done_callback(
        self, callback: Callable[["Awaited"], None], *, context: contextvars.Context
    ) -> None:
        """Call `callback` when it is done."""

    def result(self) -> object:
        """Nothing of interest; raises what it failed with."""


class Request:
    """A coroutine that is run by whoever has what it waits for, in that one's thread."""

    __slots__ = ("__weakref__", "_coroutine")

    def __init__(self, coroutine: Coroutine[Awaited, None, None]) -> None:
        """Run `coroutine` until it waits for the first time."""
        self._coroutine = coroutine
        self._run(coroutine.send, None)

    def _go_on(self, awaited: Awaited) -> None:
        try:
            awaited.result()
        except BaseException as error:  # noqa: BLE001 - it is raised in the coroutine
            self._run(self._coroutine.throw, error)
            # Granian keeps the error with what was awaited, where Python's collector cannot see it.
            error.__traceback__ = None
        else:
            self._run(self._coroutine.send, None)

    def _run(self, step: Callable[[Any], Awaited], argument: BaseException | None) -> None:
        try:
            awaited = step(argument)
        except StopIteration:
            return
        awaited.add_done_callback(self._go_on, context=_context)


class DirectLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, except for what Granian gives it to do: that it does at once."""

    def call_soon_threadsafe(  # type: ignore[override] # What it is called with here is simpler.
        self,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> object:
        """Call `callback` here and now, where Granian asks, which alone names a context."""
        if context is None:
            return super().call_soon_threadsafe(callback, *args)
        return callback(*args)

    def create_task(  # type: ignore[override] # as above
        self,
        coro: Coroutine[Awaited, None, None],
        **options: Any,  # noqa: ANN401 - as asyncio has it
    ) -> object:
        """Run `coro` here and now, except in the main thread, where the loop itself runs."""
        if threading.current_thread() is threading.main_thread():
            return super().create_task(coro, **options)
        return Request(coro)


@loops.register(NAME)
def _direct_loop() -> DirectLoop:
    loop = DirectLoop()
    asyncio.set_event_loop(loop)
    return loop
