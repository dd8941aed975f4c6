"""How often one client may ask, counted over all worker processes."""

import fcntl
import math
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

_SLOTS = 1 << 18
_SLOT_BYTES = 8
_NS = 1_000_000_000


class Allowance(NamedTuple):
    """The answer to one request for leave."""

    is_granted: bool
    remaining: int
    """Requests that would be granted at once after this one."""
    wait_s: float
    """Until the whole burst is there again; where not granted, until the next request may come."""


class RateLimit:
    """The generic cell rate algorithm (ITU-T I.371): a token bucket that is one number a client.

    The number is the time at which the client's bucket will be full again, in nanoseconds of the
    system's monotonic clock, which all processes share. It lies in anonymous memory made before the
    workers are forked. A client's slot is chosen by Python's hash of its name, the same in every
    worker and secret from clients. Clients that meet in a slot share what one of them may do: of a
    thousand clients at once, about four.
    """

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        slots: int = _SLOTS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Grant each client `burst` requests at once, and `per_second` from then on.

        `slots`, a power of two, bounds the memory: 8 bytes for each, taken when first used.
        """
        self._interval = math.ceil(_NS / per_second)
        self._tolerance = (burst - 1) * self._interval
        self._mask = slots - 1
        self._clock = clock
        self._file = _anonymous_file(slots * _SLOT_BYTES)
        self._full_at = memoryview(mmap.mmap(self._file, slots * _SLOT_BYTES)).cast("q")
        self._threads = threading.Lock()
        self.policy = f'"default";q={burst};w={math.ceil(burst / per_second)}'
        """The field RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-09."""

    def take(self, client: str) -> Allowance:
        """Ask leave for one request of `client`."""
        slot = hash(client) & self._mask
        # A lock of the kernel's holds between processes only, and a worker that dies gives it back.
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, slot)
            try:
                return self._take(slot)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, slot)

    def _take(self, slot: int) -> Allowance:
        now = self._clock()
        ahead = max(self._full_at[slot] - now, 0)
        if ahead > self._tolerance:
            return Allowance(False, 0, (ahead - self._tolerance) / _NS)
        ahead += self._interval
        self._full_at[slot] = now + ahead
        left = self._tolerance - ahead
        return Allowance(True, left // self._interval + 1, ahead / _NS)


def _anonymous_file(size_bytes: int) -> int:
    """A descriptor of zeros that no path leads to."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("ziffer-rate-limit")
    else:  # Only Linux has files in memory.
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.truncate(file, size_bytes)
    return file
