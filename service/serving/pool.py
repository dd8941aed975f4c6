"""Long work in a few threads, so that it holds up nobody else's short work."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any

from service.errors import OverloadedError


class Pool:
    """Threads with a bounded queue."""

    def __init__(self, threads: int, queue_limit: int) -> None:
        """Let at most `queue_limit` pieces of work wait for one of `threads`."""
        self._threads = threads
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._places = threading.Semaphore(threads + queue_limit)

    def start(self) -> None:
        """Start the threads: they do not survive a fork."""
        for _ in range(self._threads):
            threading.Thread(target=self._run, daemon=True).start()

    async def run(self, call: Callable[[], None]) -> None:
        """Do `call` in a thread, in which the request then goes on.

        Raises OverloadedError at once where too much is waiting.
        """
        if not self._places.acquire(blocking=False):
            raise OverloadedError("The service has more work than it can do; try again.")
        try:
            await _Work(call, self._queue.put)
        finally:
            self._places.release()

    def _run(self) -> None:
        while True:
            self._queue.get().do()


class _Work:
    """A call that is awaited, for `service.serving.direct`."""

    def __init__(self, call: Callable[[], None], put: Callable[["_Work"], None]) -> None:
        self._call = call
        self._put = put
        self._go_on: Callable[[_Work], None]

    def __await__(self) -> Generator["_Work", None, None]:
        yield self

    def add_done_callback(self, callback: Callable[["_Work"], None], *, context: Any) -> None:  # noqa: ANN401 - as asyncio has it
        """Only now is the request ready to go on."""
        self._go_on = callback
        self._put(self)

    def do(self) -> None:
        self._go_on(self)

    def result(self) -> None:
        self._call()
