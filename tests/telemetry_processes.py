"""Processes forked from the tests, as Granian forks its workers."""

import os
import signal
import warnings
from collections.abc import Callable


def fork(work: Callable[[], None]) -> int:
    """Do `work` in a child; its process id."""
    with warnings.catch_warnings():
        # It does nothing but `work`, so that other threads' locks do not matter.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def done(child: int) -> None:
    """Wait for a child's end."""
    os.waitpid(child, 0)


def killed(child: int) -> None:
    """Let a child end without a chance to do anything about it."""
    os.kill(child, signal.SIGKILL)
    done(child)
