"""Measure the service against its floor and against what others would write.

    python -m benchmarks.service [--rounds 5] [--json FILE]

All contenders take turns in every round, in an order drawn anew, so that a busy moment hits them
alike; what counts is CPU time, over all processes of a server. The peers are in benchmarks/peers;
`make bench-service` installs them into environments of their own. The load comes from wrk.
"""

import io
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import onnxruntime
from flask import Flask, Response
from flask import request as flask_request
from numpy.typing import NDArray

from benchmarks.goals import Goals, parser, quotients
from benchmarks.load import ROOT, Load, Request, Served, has_wrk, put_load, serving
from registry.contract import INPUT_NAME, MODEL_FILE, OUTPUT_NAME
from registry.settings import RegistrySettings, open_registry
from service.app import create_app
from service.models.served import Models
from service.settings import ServiceSettings
from tests import programs

PEERS = ROOT / ".venv-bench-service/bin/python"
MLSERVER = ROOT / ".venv-bench-mlserver/bin/python"

BATCH = 256
CALLS = 500
CONNECTIONS = 32
TURN_S = 2

BYTES = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}

Figures = dict[str, list[float]]


class Bodies(NamedTuple):
    """One image, or many, as clients send them."""

    raw: bytes
    rows: bytes
    v2: bytes
    v2_batch: bytes
    v2_batch_headers: Mapping[str, str]


def main() -> int:
    """Measure, print, and say which goals are missed."""
    given = parser(__doc__, rounds=5).parse_args()
    rounds = given.rounds
    goals = Goals(
        "the textbook network, CPU time over all processes of a server; over HTTP with "
        f"{CONNECTIONS} connections"
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, {rounds} rounds: median (least - most)")
    with tempfile.TemporaryDirectory() as directory:
        store = trained(Path(directory) / "registry")
        model = Path(directory) / "model.onnx"
        registry = open_registry(RegistrySettings(store=str(store)))
        card = registry.resolve("digits", "production").card
        model.write_bytes(registry.fetch(card, MODEL_FILE))
        bodies = bodies_of(np.random.default_rng(0))
        in_process(store, model, bodies, rounds, goals)
        if has_wrk():
            over_http(store, model, bodies, rounds, goals)
        else:
            goals.skip("everything over HTTP: wrk is not installed")
    print(goals.summary())
    goals.write(given.json)
    return 0


def trained(store: Path) -> Path:
    """A registry with a textbook model, which is as fast to run as any of its size."""
    env = programs.environment(ZIFFER_STORE=store, **programs.QUICK_RECIPE)
    training = programs.run("training", env=env)
    assert training.returncode == 0, training.stderr
    return store


def bodies_of(random_numbers: np.random.Generator) -> Bodies:
    """Random digits: four fifths of an image is paper."""
    images = random_numbers.integers(0, 256, (BATCH, 28, 28), np.uint8)
    images[random_numbers.random(images.shape) < 0.8] = 0
    one = images[0]
    tensor = {"name": INPUT_NAME, "shape": [1, 28, 28], "datatype": "UINT8"}
    batch = tensor | {"shape": [BATCH, 28, 28], "parameters": {"binary_data_size": images.nbytes}}
    header = json.dumps({"inputs": [batch], "parameters": {"binary_data_output": True}}).encode()
    return Bodies(
        raw=one.tobytes(),
        rows=json.dumps({"pixels": one.tolist()}).encode(),
        v2=json.dumps({"inputs": [tensor | {"data": one.ravel().tolist()}]}).encode(),
        v2_batch=header + images.tobytes(),
        v2_batch_headers=BYTES | {"Inference-Header-Content-Length": str(len(header))},
    )


def in_process(store: Path, model: Path, bodies: Bodies, rounds: int, goals: Goals) -> None:
    """What the application costs by itself, called as a server calls it."""
    settings = ServiceSettings(registry=RegistrySettings(store=str(store)))
    models = Models(settings)
    models.prepare()
    app = create_app(settings, models)
    batch = Request("/v2/models/digits/infer", bodies.v2_batch, bodies.v2_batch_headers)
    figures = in_turns(
        {
            "empty POST of plain Flask": calls(plain_flask(), Request("/", bodies.raw, BYTES)),
            "/predict, 784 bytes": calls(app, Request("/predict", bodies.raw, BYTES)),
            "/predict, JSON": calls(app, Request("/predict", bodies.rows, JSON)),
            f"v2 infer, {BATCH} images": calls(app, batch),
            f"bare onnxruntime, {BATCH} images": bare_runs(model),
        },
        rounds * 10,
        CALLS,
    )
    print("\nIn one process, µs of CPU a call")
    for name, values in figures.items():
        print(f"  {name:34} {spread(values)}")
    floor, raw, _, infer, bare = figures.values()
    of_floor, of_bare = quotients(raw, floor), quotients(bare, infer)
    print(goals.at_most("784 bytes / an empty POST of plain Flask, in process", of_floor, 1.3))
    print(
        goals.at_least(f"v2, {BATCH} images / bare onnxruntime, images/s, in process", of_bare, 0.6)
    )


def over_http(store: Path, model: Path, bodies: Bodies, rounds: int, goals: Goals) -> None:
    """What a request costs a server, all its processes together."""
    ours = [sys.executable, "-m", "service"]
    env = programs.environment(ZIFFER_STORE=store)
    rows, raw = Request("/predict", bodies.rows, JSON), Request("/predict", bodies.raw, BYTES)
    batch = Request("/v2/models/digits/infer", bodies.v2_batch, bodies.v2_batch_headers)
    with ExitStack() as stack:
        one = stack.enter_context(serving(ours, env))
        two = stack.enter_context(serving(ours, env | {"ZIFFER_SERVE_WORKERS": "2"}))
        turns: dict[str, tuple[Served, Request, int]] = {
            "ours, JSON": (one, rows, CONNECTIONS),
            "ours, 784 bytes": (one, raw, CONNECTIONS),
            f"ours, v2, {BATCH} images": (one, batch, 4),
            "ours, JSON, 2 workers": (two, rows, CONNECTIONS),
        }
        for name, python, file, request in peers(bodies):
            if python.exists():
                peer = serving([python, ROOT / "benchmarks/peers" / file], {"MODEL": model})
                turns[name] = (stack.enter_context(peer), request, CONNECTIONS)
            else:
                goals.skip(f"against {name}: not installed (make bench-service)")
        loads = loads_in_turns(turns, rounds)
    report_loads(loads)
    bare = in_turns({"bare": bare_runs(model)}, rounds * 10, CALLS)["bare"]
    compare(loads, median(bare), goals)


def peers(bodies: Bodies) -> list[tuple[str, Path, str, Request]]:
    """Name, interpreter, program and request of each peer."""
    rows = Request("/predict", bodies.rows, JSON)
    infer = Request("/v2/models/digits/infer", bodies.v2, JSON)
    return [
        ("lean FastAPI, JSON", PEERS, "lean_fastapi.py", rows),
        ("LitServe, JSON", PEERS, "lit_serve.py", rows),
        ("MLServer, v2 JSON", MLSERVER, "ml_server.py", infer),
    ]


def loads_in_turns(
    turns: Mapping[str, tuple[Served, Request, int]], rounds: int
) -> dict[str, list[Load]]:
    """A turn of load for each, in every round; the first is thrown away: everyone warms up."""
    loads: dict[str, list[Load]] = {name: [] for name in turns}
    for _ in range(rounds + 1):
        for name in random.sample(list(turns), len(turns)):
            server, request, connections = turns[name]
            load = put_load(server, request, connections=connections, seconds=TURN_S)
            assert load.failures == 0, f"{name}: {load}"
            loads[name].append(load)
    return {name: taken[1:] for name, taken in loads.items()}


def report_loads(loads: Mapping[str, list[Load]]) -> None:
    """A line for each contender."""
    print(f"\nOver HTTP, {CONNECTIONS} connections (v2: 4), µs of CPU a request; p50, p99 in ms")
    for name, taken in loads.items():
        p50, p99 = (median(getattr(load, p) for load in taken) for p in ("p50_ms", "p99_ms"))
        cpu = spread([load.cpu_us for load in taken])
        print(f"  {name:34} {cpu:24} {p50:8.2f} {p99:8.2f}")


def compare(loads: Mapping[str, list[Load]], bare_us: float, goals: Goals) -> None:
    """Say how the goals were met."""
    cpu = {name: [load.cpu_us for load in taken] for name, taken in loads.items()}
    for name in ("ours, 784 bytes", "ours, JSON"):
        print(goals.figure(f"{name}, a request", cpu[name], "µs"))
    if lean := cpu.get("lean FastAPI, JSON"):
        print(goals.at_most("JSON / lean FastAPI", quotients(cpu["ours, JSON"], lean), 0.5))
        raw = quotients(cpu["ours, 784 bytes"], lean)
        print(goals.at_most("784 bytes / lean FastAPI's JSON", raw, 0.35))
    for name in ("LitServe, JSON", "MLServer, v2 JSON"):
        if name in cpu:
            print(goals.at_least(f"{name} / JSON", quotients(cpu[name], cpu["ours, JSON"]), 5))
    shares = [bare_us / batch for batch in cpu[f"ours, v2, {BATCH} images"]]
    print(goals.at_least(f"v2, {BATCH} images / bare onnxruntime, images/CPU s", shares, 0.4))
    tails = [load.p99_ms / load.p50_ms for load in loads["ours, JSON, 2 workers"]]
    print(goals.at_most("p99 / p50, JSON, 2 workers", tails, 3))


def plain_flask() -> Flask:
    """An application that reads a body and does nothing with it."""
    app = Flask("plain")

    @app.post("/")
    def nothing() -> Response:
        flask_request.get_data()
        return Response(b"{}", mimetype="application/json")

    return app


def calls(app: Flask, request: Request) -> Callable[[int], None]:
    """Call `app` so many times with `request`."""
    base = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "HTTP_USER_AGENT": "benchmark",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        base[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value

    def start_response(status: str, *_: object) -> Callable[[bytes], object]:
        assert status.startswith("200"), status
        return bytes

    def call(times: int) -> None:
        for _ in range(times):
            for _ in app.wsgi_app(base | {"wsgi.input": io.BytesIO(request.body)}, start_response):
                pass

    return call


def bare_runs(model: Path) -> Callable[[int], None]:
    """The same network on the same number of images, with nothing around it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    images: NDArray[np.uint8] = np.zeros((BATCH, 28, 28), np.uint8)

    def run(times: int) -> None:
        for _ in range(times):
            session.run([OUTPUT_NAME], {INPUT_NAME: images})

    return run


def in_turns(work: Mapping[str, Callable[[int], None]], rounds: int, times: int) -> Figures:
    """Microseconds of this thread's CPU a call, in every round; the first round warms up."""
    figures: Figures = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name in random.sample(list(work), len(work)):
            began = time.thread_time()
            work[name](times)
            figures[name].append((time.thread_time() - began) / times * 1e6)
    return {name: values[1:] for name, values in figures.items()}


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{median(values):8.1f} ({min(values):.1f} - {max(values):.1f})"


if __name__ == "__main__":
    sys.exit(main())
