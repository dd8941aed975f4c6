"""The service in its image: not root, on a root that nobody can write, with no capabilities."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.container.engine import Engine
from tests.container.serving import Running, serving
from tests.open_inference import INFER, LENGTH, binary, document
from tests.programs import ROOT, free_port, until
from training.mnist import Mnist

pytestmark = pytest.mark.container

DIGITS = ROOT / "docs/digits"
STARTS = 3


@pytest.fixture(scope="module")
def service(containers: Engine, image: str, store: Path) -> Iterator[Running]:
    with serving(containers, image, store) as running:
        yield running


@pytest.mark.parametrize("digit", range(10))
def test_image_reads_as_the_checkout_does(
    service: Running, client: FlaskClient, digit: int
) -> None:
    picture = (DIGITS / f"{digit}.png").read_bytes()
    answer = json.loads(service.ask("/predict", picture, Content_Type="image/png"))

    expected = client.post("/predict", data=picture, content_type="image/png").get_json()
    assert answer["digit"] == expected["digit"]
    assert answer["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


def test_open_inference_protocol_answers(service: Running, sample: Mnist) -> None:
    images = sample.test.images[:3]
    answer = json.loads(service.ask(INFER, json.dumps(document(images)).encode()))

    assert answer["outputs"][0]["shape"] == [3, 10]


def test_binary_tensors_answer_as_json_does(service: Running, sample: Mnist) -> None:
    images = sample.test.images[:3]
    body, headers = binary(images, parameters={"binary_data_output": True})
    request = Request(f"http://127.0.0.1:{service.port}{INFER}", body, headers)
    with urlopen(request) as answer:  # noqa: S310 - our own
        content = answer.read()[int(answer.headers[LENGTH]) :]

    plain = json.loads(service.ask(INFER, json.dumps(document(images)).encode()))
    probabilities = np.frombuffer(content, "<f4")[:30]
    np.testing.assert_allclose(probabilities, plain["outputs"][0]["data"], atol=1e-6)


def test_sagemaker_routes_answer(service: Running) -> None:
    picture = (DIGITS / "7.png").read_bytes()

    assert service.answers("/ping")
    assert b'"digit"' in service.ask("/invocations", picture, Content_Type="image/png")


def test_process_is_nobody_and_may_nothing(service: Running) -> None:
    lines = Path(f"/proc/{service.container.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    assert set(status["Uid"].split()) == {"65532"}
    assert set(status["Gid"].split()) == {"65532"}
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_root_cannot_be_written(service: Running) -> None:
    mounts = Path(f"/proc/{service.container.pid}/mounts").read_text().splitlines()
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts}

    assert "ro" in options["/"]
    assert "ro" in options["/registry"]
    assert service.container.execute("touch", "/app/new").returncode != 0


def test_health_check_passes(service: Running) -> None:
    image = service.container.engine.image(service.container.inspect()["Image"])
    _, *command = image["Healthcheck"]["Test"]

    assert service.container.execute(*command).returncode == 0


def test_health_check_fails_where_nothing_answers(service: Running) -> None:
    command = ("env", f"PORT={free_port()}", "python", "-m", "service.health_check")

    assert service.container.execute(*command).returncode == 1


def test_service_needs_no_writable_place(containers: Engine, image: str, store: Path) -> None:
    with serving(containers, image, store, flags=("--read-only-tmpfs=false",)) as service:
        assert service.container.execute("touch", "/tmp/new").returncode != 0  # noqa: S108

        assert b'"digit"' in service.ask("/predict", bytes(784))
        assert service.container.stop() == 0


def test_stop_waits_for_the_request_in_flight(containers: Engine, image: str, store: Path) -> None:
    with serving(containers, image, store, ZIFFER_SERVE_DRAIN_S=1) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
            head = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 784\r\n\r\n"
            connection.sendall(head.encode() + bytes(700))
            statuses: list[int] = []
            stopping = threading.Thread(target=lambda: statuses.append(service.container.stop()))
            stopping.start()
            until(lambda: not service.answers("/v2/health/ready"))
            connection.sendall(bytes(84))
            answer = connection.makefile("rb").read()
        stopping.join()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"rejected":"blank"' in answer
    assert statuses == [0]


def test_cold_start_is_measured(containers: Engine, image: str, store: Path) -> None:
    starts = [_start(containers, image, store) for _ in range(STARTS)]

    wall_ms, cpu_ms = zip(*starts, strict=True)
    measured = {"wall_ms": wall_ms, "cpu_ms": cpu_ms}
    (ROOT / "var").mkdir(exist_ok=True)
    (ROOT / "var/container.json").write_text(json.dumps(measured, indent=2) + "\n")
    sys.stdout.write(
        f"\nfrom `podman run` to the first answer: {median(wall_ms):.0f} ms, "
        f"of which the service takes {median(cpu_ms):.0f} ms of CPU\n"
    )
    assert min(cpu_ms) > 0


def _start(containers: Engine, image: str, store: Path) -> tuple[float, float]:
    """Milliseconds until the first answer, and what the service then has used of a CPU."""
    before = time.perf_counter()
    with serving(containers, image, store) as service:
        wall = time.perf_counter() - before
        stat = Path(f"/proc/{service.container.pid}/stat").read_text().rpartition(")")[2].split()
    # utime and stime are the 14th and 15th field of proc(5).
    cpu = sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK")
    return round(1e3 * wall), round(1e3 * cpu)
