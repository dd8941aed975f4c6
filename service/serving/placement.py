"""Keep the threads that hand requests over to each other on one core, while there is room.

Granian's thread for the network wakes the one that answers twice for each request, and is woken by
it as often. From core to core that costs a third of a request, on virtual machines above all; on
one core nobody has to be woken. The kernel cannot know, and spreads them out.
"""

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TASKS = Path("/proc/self/task")

_INTERVAL_S = 0.25
# Threads are held after so many intervals in a row with room, and let go after one without.
_PATIENCE = 8

# Who works, or waits to, for less than this share of the time hands over little.
_BUSY = 0.01
# Who waits for a core for longer than this share of its work needs another.
_CROWDED = 0.2


class Usage(NamedTuple):
    """What a thread did, as the kernel counts it (proc(5), schedstat)."""

    ran_s: float
    waited_s: float
    """For a core, ready to run."""
    core: int
    """Where it ran last."""


class Placement:
    """Where Granian's threads in this process may run.

    They are held on a core only as long as nobody else needs it: the kernel can move no thread that
    is held. Threads of our own, which decode images, may always run anywhere.
    """

    def __init__(self) -> None:
        """Leave it to the kernel for now."""
        self._held_on: int | None = None
        self._roomy_looks = 0
        self._usages: dict[int, Usage] = {}

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look after it from now on, where the system can tell and be told."""
        if not hasattr(os, "sched_setaffinity"):
            return
        loop.call_later(_INTERVAL_S, self.watch, loop)
        with suppress(OSError):  # Sandboxes forbid it, or have no such files.
            self._look()

    def _look(self) -> None:
        before, self._usages = self._usages, {task: usage_of(task) for task in foreign_tasks()}
        spent = [_since(before[task], now) for task, now in self._usages.items() if task in before]
        allowed = os.sched_getaffinity(0)
        if sum(usage.ran_s + usage.waited_s for usage in spent) < _BUSY * _INTERVAL_S:
            return
        core = roomy_core(spent)
        self._roomy_looks = 0 if core is None else self._roomy_looks + 1
        if self._held_on is not None and (core is None or core not in allowed):
            self._hold(allowed)
            self._held_on = None
        elif self._held_on is None and core is not None and self._roomy_looks >= _PATIENCE:
            self._held_on = core  # First: where a thread ends meanwhile, the others are held.
            self._hold({core})

    def _hold(self, cores: set[int]) -> None:
        for task in self._usages:
            os.sched_setaffinity(task, cores)


def foreign_tasks() -> set[int]:
    """The threads of this process that Python did not start: here these are Granian's."""
    own = {
        thread.native_id
        for thread in threading.enumerate()
        # Python makes such an object for any thread that asks who it is.
        if not isinstance(thread, threading._DummyThread)
    }
    return {int(entry.name) for entry in _TASKS.iterdir()} - own


def roomy_core(spent: list[Usage]) -> int | None:
    """The core of the busiest of some threads, if it had that core to itself but for the others."""
    if not spent:
        return None
    busiest = max(spent)
    others_ran_s = sum(usage.ran_s for usage in spent) - busiest.ran_s
    is_crowded = busiest.waited_s - others_ran_s > _CROWDED * busiest.ran_s
    return None if is_crowded else busiest.core


def usage_of(task: int) -> Usage:
    """What the kernel has counted of a thread of this process; raises OSError where it is gone."""
    ran_ns, waited_ns, _ = (_TASKS / f"{task}/schedstat").read_text().split()
    # The name of a thread, in parentheses, may hold anything.
    core = (_TASKS / f"{task}/stat").read_text().rpartition(")")[2].split()[36]
    return Usage(int(ran_ns) / 1e9, int(waited_ns) / 1e9, int(core))


def _since(before: Usage, now: Usage) -> Usage:
    return Usage(now.ran_s - before.ran_s, now.waited_s - before.waited_s, now.core)
