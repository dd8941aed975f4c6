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
from typing import NamedTuple
from urllib.request import Request, urlopen

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.container.engine import Container, Engine
from tests.open_inference import INFER, LENGTH, binary, document
from tests.programs import ROOT, free_port, until
from training.mnist import Mnist

pytestmark = pytest.mark.container

DIGITS = ROOT / "docs/digits"
STARTS = 3


class Running(NamedTuple):
    """A service in a container."""

    container: Container
    port: int

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """The body of the answer; raises HTTPError where it is an error."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", body, named)) as answer:
            return bytes(answer.read())

    def answers(self, path: str = "/healthz") -> bool:
        """Whether `path` is answered well."""
        try:
            self.ask(path)
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def service(containers: Engine, image: str, store: Path) -> Iterator[Running]:
    port = free_port()
    variables = {"PORT": port, "ZIFFER_STORE": "/registry"}
    flags = ("--tmpfs=/tmp", f"--volume={store}:/registry:ro")
    with containers.running(image, environment=variables, flags=flags) as container:
        running = Running(container, port)
        until(running.answers)
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
    config = service.container.engine.image(service.container.inspect()["Image"])
    _, *command = config["HealthCheck"]["Test"]

    assert service.container.execute(*command).returncode == 0


def test_health_check_fails_where_nothing_answers(service: Running) -> None:
    command = ("env", f"PORT={free_port()}", "python", "-m", "service.health_check")

    assert service.container.execute(*command).returncode == 1


def test_service_needs_no_writable_place(containers: Engine, image: str, store: Path) -> None:
    port = free_port()
    variables = {"PORT": port, "ZIFFER_STORE": "/registry"}
    flags = ("--read-only-tmpfs=false", f"--volume={store}:/registry:ro")
    with containers.running(image, environment=variables, flags=flags) as container:
        running = Running(container, port)
        until(running.answers)

        assert b'"digit"' in running.ask("/predict", bytes(784))
        assert container.stop() == 0


def test_stop_waits_for_the_request_in_flight(containers: Engine, image: str, store: Path) -> None:
    port = free_port()
    variables = {"PORT": port, "ZIFFER_STORE": "/registry", "ZIFFER_SERVE_DRAIN_S": 1}
    flags = ("--tmpfs=/tmp", f"--volume={store}:/registry:ro")
    with containers.running(image, environment=variables, flags=flags) as container:
        running = Running(container, port)
        until(running.answers)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            head = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 784\r\n\r\n"
            connection.sendall(head.encode() + bytes(700))
            statuses: list[int] = []
            stopping = threading.Thread(target=lambda: statuses.append(container.stop()))
            stopping.start()
            until(lambda: not running.answers("/v2/health/ready"))
            connection.sendall(bytes(84))
            answer = connection.makefile("rb").read()
        stopping.join()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"rejected":"blank"' in answer
    assert statuses == [0]


def test_cold_start_is_measured(containers: Engine, image: str, store: Path) -> None:
    starts = [_start(containers, image, store) for _ in range(STARTS)]

    measured = {
        "starts": STARTS,
        "wall_ms": [round(1e3 * wall) for wall, _ in starts],
        "cpu_ms": [round(1e3 * cpu) for _, cpu in starts],
        "image_bytes": containers.image(image)["Size"],
    }
    (ROOT / "var").mkdir(exist_ok=True)
    (ROOT / "var/container.json").write_text(json.dumps(measured, indent=2) + "\n")
    sys.stdout.write(
        f"\nfrom `podman run` to the first answer: {median(measured['wall_ms']):.0f} ms, "
        f"of which the service takes {median(measured['cpu_ms']):.0f} ms of CPU\n"
    )
    assert all(cpu > 0 for _, cpu in starts)


def _start(containers: Engine, image: str, store: Path) -> tuple[float, float]:
    """Seconds until the first answer, and CPU seconds that the service then has used."""
    port = free_port()
    variables = {"PORT": port, "ZIFFER_STORE": "/registry"}
    flags = ("--tmpfs=/tmp", f"--volume={store}:/registry:ro")
    before = time.perf_counter()
    with containers.running(image, environment=variables, flags=flags) as container:
        until(Running(container, port).answers)
        wall = time.perf_counter() - before
        status = Path(f"/proc/{container.pid}/stat").read_text().rpartition(")")[2].split()
        # utime and stime, the 14th and 15th field of proc(5).
        return wall, sum(map(int, status[11:13])) / os.sysconf("SC_CLK_TCK")
