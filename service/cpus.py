"""How many CPUs there are for this process, wherever it runs."""

import os
from pathlib import Path

# Where a container finds its own: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cpus(quota: Path = _QUOTA) -> int:
    """Whole CPUs, at least one: those it may run on, or as many as the container's `quota` pays."""
    # Only Linux says where a process may run.
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        limit_us, period_us = quota.read_text().split()
    except OSError:
        return cpus
    return cpus if limit_us == "max" else max(1, min(cpus, int(limit_us) // int(period_us)))
