"""What the system knows of a process."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from service.telemetry import families
from service.telemetry.families import Family

# From the end of a process's name on, which may hold anything: proc(5) counts from one before it.
_USER_TICKS, _SYSTEM_TICKS, _START_TICKS, _RESIDENT_PAGES = 11, 12, 19, 21


def usage(process_id: int) -> dict[Family, float]:
    """What a process uses, as far as Linux's /proc shows it; empty elsewhere."""
    values: dict[Family, float] = {}
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        values[families.CPU_SECONDS] = tick_s * (
            int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        )
        values[families.RESIDENT_BYTES] = float(
            int(fields[_RESIDENT_PAGES]) * os.sysconf("SC_PAGE_SIZE")
        )
        values[families.OPEN_FILES] = float(len(list(Path(f"/proc/{process_id}/fd").iterdir())))
        values[families.START_SECONDS] = _boot_s() + tick_s * int(fields[_START_TICKS])
    return values


@cache
def _boot_s() -> int:
    """When the system started, in seconds since the epoch."""
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
