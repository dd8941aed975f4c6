"""Servers in processes of their own, and the load that wrk puts on them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Request:
    """What the clients of a load send, over and over."""

    path: str
    body: bytes
    headers: Mapping[str, str]


class Load(NamedTuple):
    """What one turn of load came to; CPU is that of the server's processes together."""

    requests: int
    failures: int
    cpu_us: float
    """Per request."""
    p50_ms: float
    p99_ms: float


class Served(NamedTuple):
    """A running server."""

    address: str
    session: int
    """The process session that all its processes belong to."""

    def cpu_s(self) -> float:
        """What its processes have spent so far."""
        return sum(ticks for _, ticks in _processes(self.session)) / _TICKS

    def pss_bytes(self) -> int:
        """Memory of its processes; what they share counts once (proportional set size)."""
        rollups = [
            Path(f"/proc/{pid}/smaps_rollup").read_text() for pid, _ in _processes(self.session)
        ]
        return sum(int(re.findall(r"^Pss:\s+(\d+) kB", text, re.M)[0]) for text in rollups) * 1024


@contextmanager
def serving(command: Sequence[object], env: Mapping[str, object]) -> Iterator[Served]:
    """Run a server that listens on PORT of its environment, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = os.environ | {name: str(value) for name, value in env.items()} | {"PORT": str(port)}
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, process, command)
        yield Served(f"http://127.0.0.1:{port}", process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def put_load(server: Served, request: Request, *, connections: int, seconds: float) -> Load:
    """Let `connections` clients repeat `request`, each as soon as it is answered."""
    with NamedTemporaryFile("w", suffix=".lua") as script, NamedTemporaryFile() as body:
        body.write(request.body)
        body.flush()
        script.write(_script(request, Path(body.name)))
        script.flush()
        before = server.cpu_s()
        printed = subprocess.run(
            [
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--latency",
                "-s",
                script.name,
                server.address + request.path,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        cpu_s = server.cpu_s() - before
    requests = int(_found(r"(\d+) requests in", printed))
    failed = re.findall(r"Non-2xx or 3xx responses: (\d+)", printed)
    return Load(
        requests,
        int(failed[0]) if failed else 0,
        cpu_s / requests * 1e6,
        _milliseconds(_found(r"\n\s+50%\s+(\S+)", printed)),
        _milliseconds(_found(r"\n\s+99%\s+(\S+)", printed)),
    )


def has_wrk() -> bool:
    """Whether the load generator is installed."""
    return shutil.which("wrk") is not None


def _script(request: Request, body: Path) -> str:
    headers = "".join(
        f'wrk.headers["{name}"] = "{value}"\n' for name, value in request.headers.items()
    )
    return (
        f'wrk.method = "POST"\nlocal file = io.open("{body}", "rb")\n'
        f'wrk.body = file:read("*a")\nfile:close()\n{headers}'
    )


def _processes(session: int) -> Iterator[tuple[int, int]]:
    """Each process of a session, with the clock ticks that it has spent (proc(5))."""
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):
                fields = (directory / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    yield int(directory.name), int(fields[11]) + int(fields[12])


def _wait_for(port: int, process: "subprocess.Popen[bytes]", command: Sequence[object]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise ChildProcessError(f"{command} ended with status {process.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{command} does not listen")


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"wrk printed no {pattern}:\n{text}"
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
