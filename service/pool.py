"""Long work in a few threads, so that it holds up nobody else's short work."""

import asyncio
import queue
import threading
from collections.abc import Callable

from service.errors import OverloadedError

Work = Callable[[], None]


class Pool:
    """Threads with a bounded queue; used by the event loop of one process.

    A ThreadPoolExecutor has no bound, and costs several times as much for each piece of work.
    """

    def __init__(self, threads: int, queue_limit: int) -> None:
        """Let at most `queue_limit` pieces of work wait for one of `threads`."""
        self._threads = threads
        self._limit = threads + queue_limit
        self._unfinished = 0
        self._queue: queue.SimpleQueue[tuple[Work, asyncio.Future[None]]] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the threads: they do not survive a fork."""
        for _ in range(self._threads):
            threading.Thread(target=self._run, daemon=True).start()

    async def run(self, work: Work) -> None:
        """Do `work` in a thread; raises OverloadedError at once where too much is waiting."""
        if self._unfinished >= self._limit:
            raise OverloadedError("The service has more work than it can do; try again.")
        done = asyncio.get_running_loop().create_future()
        self._unfinished += 1
        try:
            self._queue.put((work, done))
            await done
        finally:
            self._unfinished -= 1

    def _run(self) -> None:
        while True:
            work, done = self._queue.get()
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                _call(done, done.set_exception, error)
            else:
                _call(done, done.set_result, None)
            del work, done  # Nothing of an answered request is kept while waiting for the next.


def _call(done: "asyncio.Future[None]", method: Callable[..., None], argument: object) -> None:
    done.get_loop().call_soon_threadsafe(_unless_done, done, method, argument)


def _unless_done(
    done: "asyncio.Future[None]", method: Callable[..., None], argument: object
) -> None:
    if not done.done():
        method(argument)
