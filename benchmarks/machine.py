"""Where and on what the benchmarks ran: what a reader needs to judge their figures."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel

ROOT = Path(__file__).parent.parent

OWN_PACKAGES = ("boto3", "flask", "granian", "numpy", "onnxruntime", "pydantic", "torch")
PEERS = {
    ".venv-bench": ("keras", "tensorflow-cpu"),
    ".venv-bench-service": ("fastapi", "litserve", "uvicorn"),
    ".venv-bench-mlserver": ("mlserver",),
}


class Machine(BaseModel, frozen=True):
    """Hardware, software, and when."""

    date: str
    commit: str
    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    packages: dict[str, str]
    load_average: float
    """Of the minute before the first benchmark: what else the machine had to do."""


def this_machine() -> Machine:
    """What this is, as it is now."""
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        commit=_commit(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages=dict([*_own_packages(), *_peers()]),
        load_average=os.getloadavg()[0],
    )


def _commit() -> str:
    """The commit that is checked out, and whether files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=, with changes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _own_packages() -> Iterator[tuple[str, str]]:
    for package in OWN_PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def _peers() -> Iterator[tuple[str, str]]:
    """The packages of the environments that are installed, as each tells them itself."""
    for folder, packages in PEERS.items():
        python = ROOT / folder / "bin/python"
        if python.exists():
            program = (
                "import importlib.metadata as m, json, sys;"
                "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
            )
            told = subprocess.check_output([python, "-c", program, *packages], text=True)
            yield from json.loads(told).items()
