"""Numbers that several processes count in memory that they share."""

import fcntl
import mmap
import os
import threading
import weakref
from collections.abc import Callable
from typing import NamedTuple

from service.telemetry.slot import WORD_BYTES, Entry, Slot

SLOT_BYTES = 256 * 1024
"""Room for some two thousand series. Pages that are never touched cost nothing."""


class Snapshot(NamedTuple):
    """What all processes have counted until now."""

    counters: dict[str, list[float]]
    """Of each series the sums over all processes that ever were, value by value."""
    gauges: dict[str, list[float]]
    """Of each series one value from each process that lives."""
    processes: dict[int, int]
    """The processes that live: the number of the slot to the process's id."""
    dropped: int
    """How many series had no room."""


class SharedSeries:
    """Named vectors of float64 that each process writes in a slot of its own.

    Made before the fork. A process owns a slot while it lives, by a lock that the kernel releases
    however the process ends; one that comes later goes on with the counters of one that is gone,
    so that no counter falls. Safe to use from several threads.
    """

    def __init__(self, processes: int, slot_bytes: int = SLOT_BYTES) -> None:
        """Have room for so many `processes` at a time; this one takes the first slot."""
        self._slot_bytes = slot_bytes
        size = (processes + 1) * slot_bytes
        self._file = _unnamed_file(size)
        weakref.finalize(self, os.close, self._file)
        memory = memoryview(mmap.mmap(self._file, size))
        self.values: memoryview[float] = memory.cast("d")
        """Of all processes. Whoever adds to one of them holds `lock`."""
        words = slot_bytes // WORD_BYTES
        self._slots = [Slot(memory, number * words, words) for number in range(processes)]
        # Processes that are more than expected write here, and nobody reads it.
        self._nowhere = Slot(memory, processes * words, words)
        self._nowhere.fill()
        self._forget: list[Callable[[], None]] = []
        self._begin()
        self._own_slot()
        _begin_anew_in_children(self)

    def place(self, name: str, length: int = 1, *, is_gauge: bool = False) -> int:
        """The index in `values` from which this process counts the series called `name`.

        A new one begins with zeros. Where there is no room for it, it counts as dropped, and what
        is added to it is lost. Another process has another place for it: see `on_fork`.
        """
        with self.lock:
            slot = self._own_slot()
            if name not in self._named:
                self._named[name] = slot.append(name, length, is_gauge=is_gauge)
            return self._named[name]

    def on_fork(self, forget: Callable[[], None]) -> None:
        """Let `forget` drop whatever places a process remembers that was forked from this one."""
        self._forget.append(forget)

    def snapshot(self) -> Snapshot:
        """What all processes have counted until now."""
        dropped = sum(slot.dropped for slot in (*self._slots, self._nowhere))
        snapshot = Snapshot({}, {}, {}, dropped)
        with self.lock:
            self._own_slot()
            for number, slot in enumerate(self._slots):
                is_alive = self._is_owned(number)
                if is_alive:
                    snapshot.processes[number] = slot.process_id
                for entry in slot.entries():
                    self._include(snapshot, entry, is_alive=is_alive)
        return snapshot

    def _include(self, snapshot: Snapshot, entry: Entry, *, is_alive: bool) -> None:
        name, place, length, is_gauge = entry
        values = [float(value) for value in self.values[place : place + length]]
        if not is_gauge:
            others = snapshot.counters.get(name)
            snapshot.counters[name] = (
                values if others is None else [a + b for a, b in zip(others, values, strict=True)]
            )
        elif is_alive:
            snapshot.gauges.setdefault(name, []).extend(values)

    def _begin(self) -> None:
        """Own nothing yet, as a process that was just forked."""
        self.lock = threading.Lock()
        self._number: int | None = None
        self._named: dict[str, int] = {}
        for forget in self._forget:
            forget()

    def _own_slot(self) -> Slot:
        """The slot of this process: the first that nobody owns."""
        if self._number is None:
            self._number = next(filter(self._lock_slot, range(len(self._slots))), -1)
            if self._number >= 0:
                slot = self._slots[self._number]
                slot.own(os.getpid())
                self._named = {entry.name: entry.place for entry in slot.entries()}
        return self._nowhere if self._number < 0 else self._slots[self._number]

    def _lock_slot(self, number: int) -> bool:
        """Whether this process could get the lock of a slot, which is on the slot's first byte."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number * self._slot_bytes)
        except OSError:
            return False
        return True

    def _is_owned(self, number: int) -> bool:
        if number == self._number:
            return True
        if not self._lock_slot(number):
            return True
        # A process that came just now took the next slot, which is as good.
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number * self._slot_bytes)
        return False


def _unnamed_file(size: int) -> int:
    """The descriptor of a file in memory, without a name, where the system has such files.

    A process loses its locks on a file as soon as it closes any descriptor of it (fcntl(2)), so
    none is closed.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("ziffer-telemetry")
    else:
        # Imported here: Linux has no need of it.
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


def _begin_anew_in_children(series: SharedSeries) -> None:
    """Let each process that is forked from this one take a slot of its own when it needs it."""
    reference = weakref.ref(series)

    def begin() -> None:
        if (series := reference()) is not None:
            series._begin()

    os.register_at_fork(after_in_child=begin)
