"""A request goes on in the thread of whoever has what it waits for."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Generator
from typing import Any

from service.serving.direct import DirectLoop, Request


class Awaited:
    """Something to wait for, done when `finish` is called; it keeps its error, as Granian does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self._go_on: Callable[[Any], None]

    def __await__(self) -> Generator["Awaited", None, None]:
        yield self

    def add_done_callback(self, callback: Callable[[Any], None], *, context: object) -> None:
        self._go_on = callback

    def result(self) -> None:
        if self.error is not None:
            raise self.error

    def finish(self) -> None:
        self._go_on(self)


def test_request_goes_on_where_it_was_waited_for() -> None:
    awaited = Awaited()
    threads: list[threading.Thread] = []

    async def request() -> None:
        threads.append(threading.current_thread())
        await awaited
        threads.append(threading.current_thread())

    Request(request())
    other = threading.Thread(target=awaited.finish)
    other.start()
    other.join()

    assert threads == [threading.current_thread(), other]


def test_error_is_raised_where_it_is_awaited_and_keeps_nothing_alive() -> None:
    awaited = Awaited(ConnectionError("the client has left"))
    caught: list[str] = []

    async def request() -> None:
        try:
            await awaited
        except ConnectionError as error:
            caught.append(str(error))

    Request(request())
    awaited.finish()

    assert caught == ["the client has left"]
    assert awaited.error
    assert awaited.error.__traceback__ is None


def soon(loop: DirectLoop) -> "asyncio.Future[None]":
    """Done when all that is due in `loop` was done; no task, which would run here and now."""
    future = loop.create_future()
    loop.call_soon(lambda: loop.call_soon(future.set_result, None))
    return future


def test_loop_does_at_once_what_comes_with_a_context() -> None:
    loop = DirectLoop()
    done: list[str] = []
    loop.call_soon_threadsafe(done.append, "at once", context=contextvars.copy_context())
    loop.call_soon_threadsafe(done.append, "in turn")
    before = list(done)
    # In a thread of its own: a browser that other tests drive has a loop in this one.
    thread = threading.Thread(target=loop.run_until_complete, args=[soon(loop)])
    thread.start()
    thread.join()
    loop.close()

    assert before == ["at once"]
    assert done == ["at once", "in turn"]
