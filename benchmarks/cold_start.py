"""Measure how soon the service answers after it was started, against importing what it needs.

    python -m benchmarks.cold_start [--rounds 9] [--python .venv-serving/bin/python] [--json FILE]

The yardstick is `python -c "import onnxruntime, flask"`. All contenders take turns in every round,
in an order drawn anew, so that a busy moment hits them alike. What counts is CPU time, of the whole
tree of processes; wall time stands beside it. The model lies in a directory and in a bucket of
SeaweedFS on this machine, and is read from there or from the cache of an earlier start. Everyone
finds all modules compiled, as Python leaves them after the first start, and an image should.
"""

import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from benchmarks.first_prediction import BODY, CONTENT_TYPE
from benchmarks.goals import Goals, parser, quotients
from tests.programs import QUICK_RECIPE, ROOT, environment, free_port, run
from tests.registry_servers import ACCESS_KEY, SECRET_KEY, Server, seaweedfs

YARDSTICK = "import onnxruntime, flask"
WITHOUT_EXIT = f"{YARDSTICK}, os; os._exit(0)"
WORKERS = 2
REQUESTS = 40

# Goals; what is missed is printed as missed.
DIRECTORY_RATIO = 1.3
S3_RATIO = 1.4
WORKERS_MIB = 110 * 1e6 / 2**20


class Start(NamedTuple):
    """What one start cost until the first answer."""

    cpu_ms: float
    wall_ms: float


class Contender(NamedTuple):
    """One way to start, and the most that it should cost, in yardsticks."""

    name: str
    start: Callable[[], Start]
    goal: float | None = None


def main() -> int:
    """Measure, print, and say which goals are missed."""
    flags = parser(__doc__, rounds=9)
    flags.add_argument(
        "--python", default=sys.executable, help="of an environment to serve in; default: this one"
    )
    given = flags.parse_args()
    goals = Goals("CPU time of all processes, from exec to the first answer")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ziffer-start-")))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(directory / "compiled")
        stores = list(trained_stores(directory, stack.enter_context(seaweedfs())))
        contestants = list(contenders(given.python, stores))
        starts = measure(contestants, given.rounds)
        print(f"{platform.machine()}, {os.cpu_count()} cores, {given.rounds} rounds")
        print("median (quartiles)")
        for one in contestants:
            report(one, starts, goals)
        report_memory(given.python, stores[0].environ, goals)
    print(goals.summary())
    goals.write(given.json)
    return 0


class Store(NamedTuple):
    """Where a model lies, and the variables that say so."""

    name: str
    environ: dict[str, str]
    goal: float
    cache: Path | None = None
    """What to remove before a start that shall find nothing there."""


def trained_stores(directory: Path, server: Server) -> Iterator[Store]:
    """The stores, each with a quickly trained model in production."""
    bucket = {
        "ZIFFER_STORE": "s3://models/registry",
        "ZIFFER_S3_ENDPOINT_URL": server.endpoint,
        "ZIFFER_S3_PATH_STYLE": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    warm, cold = directory / "warm", directory / "cold"
    yield Store("directory", trained(ZIFFER_STORE=directory / "registry"), DIRECTORY_RATIO)
    in_bucket = trained(**bucket, ZIFFER_CACHE_DIR=warm)
    yield Store("S3, cached", in_bucket, DIRECTORY_RATIO)
    yield Store("S3", in_bucket | {"ZIFFER_CACHE_DIR": str(cold)}, S3_RATIO, cold)


def trained(**variables: object) -> dict[str, str]:
    """The environment in which the service finds a model in production, once it was put there."""
    ended = run("training", env=environment(**variables, **QUICK_RECIPE))
    assert ended.returncode == 0, ended.stderr
    return environment(**variables)


def contenders(python: str, stores: list[Store]) -> Iterator[Contender]:
    """Everyone, the yardstick first."""
    yield Contender(YARDSTICK, lambda: to_exit(python, "-c", YARDSTICK, environ=environment()))
    yield Contender(
        "the same, without its end",
        lambda: to_exit(python, "-c", WITHOUT_EXIT, environ=environment()),
    )
    for store in stores:
        yield Contender(f"in-process, {store.name}", in_process(python, store), store.goal)
    for store in stores:
        yield Contender(f"service, {store.name}", service(python, store), store.goal)


def in_process(python: str, store: Store) -> Callable[[], Start]:
    """From exec to the first prediction of the application, without a server."""

    def start() -> Start:
        forget(store)
        return to_exit(python, "-m", "benchmarks.first_prediction", environ=store.environ)

    return start


def service(python: str, store: Store) -> Callable[[], Start]:
    """From exec to the first prediction that came over HTTP."""

    def start() -> Start:
        forget(store)
        began = time.perf_counter()
        with serving(python, store.environ) as (process, url):
            predict(url)
            wall_ms = (time.perf_counter() - began) * 1000
            return Start(sum(map(cpu_ms, tree(process.pid))), wall_ms)

    return start


def forget(store: Store) -> None:
    """Empty the cache where the start shall find it empty."""
    if store.cache:
        shutil.rmtree(store.cache, ignore_errors=True)


def to_exit(python: str, *arguments: str, environ: dict[str, str]) -> Start:
    """Run Python to its end."""
    began = time.perf_counter()
    process = subprocess.Popen([python, *arguments], cwd=ROOT, env=environ)
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - began) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return Start((usage.ru_utime + usage.ru_stime) * 1000, wall_ms)


@contextmanager
def serving(
    python: str, environ: dict[str, str], *flags: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The service, which may not listen yet, and the address of /predict."""
    port = free_port()
    process = subprocess.Popen(
        [python, "-m", "service", *flags],
        cwd=ROOT,
        env=environ | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process, f"http://127.0.0.1:{port}/predict"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def predict(url: str) -> None:
    """Post a drawing as soon as somebody listens."""
    request = urllib.request.Request(url, BODY, {"Content-Type": CONTENT_TYPE})  # noqa: S310 - our own
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
                answer.read()
                return
        except ConnectionError:
            time.sleep(0.005)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.005)


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in tree(int(child)))]


def cpu_ms(pid: int) -> float:
    """CPU time of a process, its threads that ended included; see clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6


def measure(contestants: list[Contender], rounds: int) -> dict[str, list[Start]]:
    """Each contender's starts; the first round compiles all modules and does not count."""
    starts: dict[str, list[Start]] = {one.name: [] for one in contestants}
    for round_ in range(rounds + 1):
        for one in random.sample(contestants, len(contestants)):
            start = one.start()
            starts[one.name] += [start] if round_ else []
    return starts


def report(one: Contender, starts: dict[str, list[Start]], goals: Goals) -> None:
    """Print a line of the table, and one that compares it with the yardstick of the same round."""
    cpu, wall = ([start[field] for start in starts[one.name]] for field in (0, 1))
    print(f"  {one.name:26} CPU {spread(cpu)} ms   wall {spread(wall)} ms")
    if one.name == YARDSTICK:
        print("  " + goals.figure(f"`{YARDSTICK}`", cpu, "ms"))
    if one.goal:
        ratios = quotients(cpu, [start.cpu_ms for start in starts[YARDSTICK]])
        print("  " + goals.at_most(f"{one.name} / `{YARDSTICK}`", ratios, one.goal))


def spread(values: list[float]) -> str:
    """The median, and the quartiles around it where there are several values."""
    if len(values) == 1:
        return f"{values[0]:5.0f}"
    lower, middle, upper = quantiles(values, n=4)
    return f"{middle:5.0f} ({lower:.0f}-{upper:.0f})"


def report_memory(python: str, environ: dict[str, str], goals: Goals) -> None:
    """Print what the parent and its workers hold after some requests."""
    with serving(python, environ, f"--workers={WORKERS}") as (process, url):
        for _ in range(REQUESTS):
            predict(url)
        sizes = [pss_mib(pid) for pid in tree(process.pid)]
    print("  PSS in MiB: " + " + ".join(f"{size:.1f}" for size in sizes))
    print("  " + goals.at_most(f"memory with {WORKERS} workers", [sum(sizes)], WORKERS_MIB, "MiB"))


def pss_mib(pid: int) -> float:
    """The process's share of the memory that it uses, each shared page counted in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kib) / 1024


if __name__ == "__main__":
    sys.exit(main())
