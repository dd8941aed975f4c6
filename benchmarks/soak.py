"""Let the service work for a while, with clients of every kind, and look for what it loses.

    python -m benchmarks.soak [--minutes 10] [--clients 12]

Two workers answer clients that send pixels, pictures and batches, clients that send nonsense,
clients that stall, and clients that leave. Each request has one right status; any other, or none,
is a failure. So is memory that still grows in the second half.
"""

import argparse
import http.client
import io
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, quantiles
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.goals import Goals
from benchmarks.load import Served, serving
from benchmarks.service import BYTES, JSON, Bodies, bodies_of, trained

WORKERS = 2
BODY_TIMEOUT_S = 2
SAMPLE_S = 2

# Growth within the second half that is a leak rather than the allocator's way.
MOST_GROWTH_MB = 3

PNG = {"Content-Type": "image/png"}


class Ask(NamedTuple):
    """A request, and the status that it should get."""

    kind: str
    status: int
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    method: str = "POST"


@dataclass
class Seen:
    """What the clients saw, together."""

    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, kind: str, got: str, expected: str, seconds: float = 0) -> None:
        """One request was answered with `got`, or ended with it."""
        with self.lock:
            self.statuses[kind][got] += 1
            if seconds:
                self.seconds[kind].append(seconds)
            if got != expected:
                self.wrong[f"{kind}: {got} instead of {expected}"] += 1


def main() -> int:
    """Run, print a table, and say what is wrong; 1: something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        env = {
            "ZIFFER_STORE": trained(Path(directory) / "registry"),
            "ZIFFER_SERVE_WORKERS": WORKERS,
            "ZIFFER_SERVE_BODY_TIMEOUT_S": BODY_TIMEOUT_S,
            "ZIFFER_SERVE_HEADER_TIMEOUT_S": BODY_TIMEOUT_S,
        }
        with serving([sys.executable, "-m", "service"], env) as server:
            seen = Seen()
            memory = list(soak(server, seen, options.minutes * 60, options.clients))
    goals = Goals()
    report(seen, memory, goals)
    print(goals.summary())
    return 0 if goals.is_met else 1


def soak(server: Served, seen: Seen, seconds: float, clients: int) -> Iterator[tuple[float, float]]:
    """Let `clients` work; yields time in minutes and memory in MB, every few seconds."""
    host = server.address.removeprefix("http://")
    is_over = threading.Event()
    asks = list(every_ask(bodies_of(np.random.default_rng(0))))
    work: list[Callable[[], None]] = [lambda: ask_on(host, asks, seen, is_over)] * clients
    work += [lambda: stall_on(host, seen, is_over)] * 4 + [lambda: leave_on(host, seen, is_over)]
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        yield elapsed / 60, server.pss_bytes() / 1e6
        time.sleep(SAMPLE_S)
    is_over.set()
    for thread in threads:
        thread.join()


def every_ask(bodies: Bodies) -> Iterator[Ask]:
    """Right requests in the proportions of a busy day, and one of each wrong kind."""
    infer = "/v2/models/digits/infer"
    yield from [Ask("784 bytes", 200, "/predict", bodies.raw, BYTES)] * 8
    yield from [Ask("JSON", 200, "/predict", bodies.rows, JSON)] * 8
    yield from [Ask("v2 JSON", 200, infer, bodies.v2, JSON)] * 4
    yield from [Ask("v2 batch", 200, infer, bodies.v2_batch, bodies.v2_batch_headers)] * 2
    yield from [Ask("picture", 200, "/predict", picture(), PNG)] * 6
    yield Ask("picture, explained", 200, "/predict?explain=true", picture(), PNG)
    yield Ask("sheet", 200, "/read", picture(), PNG)
    yield Ask("health", 200, "/v2/health/ready", method="GET")
    yield Ask("metrics", 200, "/metrics", method="GET")
    yield Ask("page", 200, "/", method="GET")
    yield Ask("no picture", 415, "/predict", b"no picture", BYTES)
    yield Ask("damaged picture", 400, "/predict", picture()[:-400], PNG)
    yield Ask("no JSON", 400, "/predict", b'{"pixels": [[', JSON)
    yield Ask("wrong shape", 400, "/predict", b'{"pixels": [[0, 0]]}', JSON)
    yield Ask("too large", 413, "/predict", bytes(6_000_001), BYTES)
    yield Ask("unknown route", 404, "/predictions", bodies.raw, BYTES)
    yield Ask("unknown version", 404, "/v2/models/digits/versions/99/infer", bodies.v2, JSON)


def picture() -> bytes:
    """A drawing of 280 by 280 pixels."""
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[40:240, 130:150] = 0
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "PNG")
    return file.getvalue()


def ask_on(host: str, asks: list[Ask], seen: Seen, is_over: threading.Event) -> None:
    """Send whatever comes, as fast as it is answered."""
    connection = http.client.HTTPConnection(host, timeout=60)
    while not is_over.is_set():
        asked = random.choice(asks)
        began = time.perf_counter()
        try:
            connection.request(asked.method, asked.path, asked.body or None, dict(asked.headers))
            response = connection.getresponse()
            response.read()
            got = str(response.status)
        except (OSError, http.client.HTTPException) as error:
            got = type(error).__name__
            connection.close()
        seen.tell(asked.kind, got, str(asked.status), time.perf_counter() - began)
    connection.close()


def stall_on(host: str, seen: Seen, is_over: threading.Event) -> None:
    """Begin to send a body, and stop in the middle."""
    while not is_over.is_set():
        with begun(host, b"Content-Length: 784\r\n\r\n" + bytes(99)) as connection:
            seen.tell("stalled body", connection.recv(99)[9:12].decode(), "408")


def leave_on(host: str, seen: Seen, is_over: threading.Event) -> None:
    """Leave in the middle of a body, or before the answer."""
    for sent in iter(lambda: random.choice([99, 784]), None):
        if is_over.is_set():
            return
        with begun(host, b"Content-Length: 784\r\n\r\n" + bytes(sent)):
            seen.tell("left", "-", "-")
        time.sleep(0.01)


def begun(host: str, start: bytes) -> socket.socket:
    """A connection on which a prediction is being asked for."""
    name, _, port = host.partition(":")
    connection = socket.create_connection((name, int(port)), timeout=60)
    with suppress(OSError):
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n" + start)
    return connection


def report(seen: Seen, memory: list[tuple[float, float]], goals: Goals) -> None:
    """Print what was seen, and compare it with what should be."""
    for kind, statuses in sorted(seen.statuses.items()):
        counts = ", ".join(f"{status}: {count:,}" for status, count in statuses.items())
        print(f"  {kind:20} {counts:28} {latency(seen.seconds.get(kind, []))}")
    half = memory[len(memory) // 2 :]
    slope, _ = linear_regression(*zip(*half, strict=True))
    growth = slope * (half[-1][0] - half[0][0])
    print(
        f"  memory of all processes: {memory[0][1]:.1f} MB at first, {half[0][1]:.1f} MB half way,"
    )
    print(f"  {half[-1][1]:.1f} MB at the end; {slope:+.3f} MB a minute in the second half")
    failures = sum(seen.wrong.values())
    for what, count in seen.wrong.items():
        print(f"  WRONG {count} times: {what}")
    print(goals.at_most("requests without the right answer", [failures], 0))
    print(goals.at_most("growth in the second half", [growth], MOST_GROWTH_MB, "MB"))


def latency(seconds: list[float]) -> str:
    """Median and 99th percentile, as the clients saw them."""
    if len(seconds) < 2:
        return ""
    cuts = quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:7.2f} ms  p99 {cuts[98] * 1000:7.2f} ms"


if __name__ == "__main__":
    sys.exit(main())
