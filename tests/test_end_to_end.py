"""The whole path as its users walk it: real processes, real sockets, curl and a browser."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from registry import keys
from registry.card import ModelCard
from registry.documents import unseal
from registry.settings import RegistrySettings, open_registry
from tests import programs, registry_servers
from tests.drawings import encoded
from tests.programs import QUICK_RECIPE, ROOT, environment, free_port, serving
from training.mnist import Mnist


def serve(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected not to start."""
    return programs.run("service", env=env)


def curl(*arguments: str, body: bytes = b"") -> dict[str, object]:
    output = subprocess.run(
        ["curl", "--silent", "--show-error", *arguments],
        input=body,
        capture_output=True,
        check=True,
    )
    answer: dict[str, object] = json.loads(output.stdout)
    return answer


def test_training_registers_a_version_with_its_files(tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=tmp_path, **QUICK_RECIPE)

    training = programs.run("training", "--epochs", 3, env=env)

    assert training.returncode == 0, training.stderr
    card = open_registry(RegistrySettings(store=str(tmp_path))).resolve("digits", "production").card
    assert card.version == 1
    assert card.recipe["epochs"] == 3
    assert card.metrics["parity_max_abs_error"] <= 2e-6
    assert set(card.files) == {
        "model.onnx",
        "model.int8.onnx",
        "golden.json",
        "report.html",
        "report.json",
    }
    assert set(card.lineage.packages) == {"numpy", "onnx", "onnxruntime", "torch"}
    assert len(card.lineage.data) == 4


def test_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=tmp_path, **QUICK_RECIPE)

    for _ in range(2):
        assert programs.run("training", "--epochs", 2, env=env).returncode == 0

    registry = open_registry(RegistrySettings(store=str(tmp_path)))
    first, second = (registry.card("digits", version) for version in (1, 2))
    for name in ("model.onnx", "model.int8.onnx"):
        assert first.files[name] == second.files[name]


def test_training_without_promotion_leaves_the_alias(tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=tmp_path, **QUICK_RECIPE)

    programs.run("training", "--epochs", 1, "--no-promote", env=env)

    assert programs.run("registry", "show", "1", env=env).returncode == 0
    assert programs.run("registry", "show", env=env).returncode == 4


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--learning-rate", "0"], 2, "--learning-rate is '0'"),
        (["--device", "cuda"], 1, "finds no GPU"),
        (["--checksums", "/nowhere"], 2, "--checksums is '/nowhere'"),
        (["--data-dir", "/nowhere"], 1, "Put these files"),
        (["--store", "/proc/registry"], 1, "/proc/registry"),
    ],
)
def test_training_that_cannot_be_says_why(
    arguments: list[str], status: int, complaint: str, tmp_path: Path
) -> None:
    recipe = QUICK_RECIPE | {"ZIFFER_TRAIN_DATA_CACHE_DIR": str(tmp_path)}
    env = environment(ZIFFER_STORE=tmp_path, CUDA_VISIBLE_DEVICES="", **recipe)

    training = programs.run("training", "--epochs", 1, *arguments, env=env)

    assert training.returncode == status
    assert complaint in training.stderr
    assert "Traceback" not in training.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_an_answer_for_a_picture(service_url: str, sample: Mnist) -> None:
    picture = encoded(Image.fromarray(sample.test.images[0]))

    answer = curl("--data-binary", "@-", f"{service_url}/predict", body=picture)

    assert answer["digit"] == sample.test.labels[0] == 7
    assert answer["model"]["name"] == "digits"  # type: ignore[index]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_chunked_body_over_the_limit_is_refused(service_url: str) -> None:
    answer = curl(
        *("--data-binary", "@-", "-H", "Transfer-Encoding: chunked", "-H", "Expect:"),
        *("-H", "Content-Type: image/png", f"{service_url}/predict"),
        body=bytes(6_000_001),
    )

    assert answer["status"] == 413


def test_digit_drawn_in_the_browser_is_read(service_url: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(service_url)
    box = page.get_by_label("Sheet to draw a digit on").bounding_box()
    assert box
    x, y, side = box["x"], box["y"], box["width"]

    page.mouse.move(x + 0.5 * side, y + 0.15 * side)
    page.mouse.down()
    page.mouse.move(x + 0.5 * side, y + 0.85 * side, steps=20)
    page.mouse.up()

    expect(page.locator("#digit")).to_have_text("1")
    expect(page.get_by_text("version 1")).to_be_visible()


def test_picture_chosen_in_the_browser_is_read(service_url: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.goto(service_url)

    page.get_by_label("Choose an image").set_input_files(ROOT / "docs/digits/7.png")

    expect(page.locator("#digit")).to_have_text("7")


def test_service_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    service = serve(environment(ZIFFER_STORE=tmp_path))

    assert service.returncode == 1
    assert "digits has no alias 'production'" in service.stderr
    assert "train and promote" in service.stderr


def test_service_without_its_store_says_so() -> None:
    service = serve(
        environment(
            ZIFFER_STORE="s3://models/ziffer",
            ZIFFER_S3_ENDPOINT_URL="http://127.0.0.1:9",
            AWS_ACCESS_KEY_ID="key",
            AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106 - of no use anywhere
        )
    )

    assert service.returncode == 1
    assert "cannot reach s3://models/ziffer/" in service.stderr
    assert "Traceback" not in service.stderr


def test_nothing_is_told_to_the_maker_of_onnxruntime(sample_store: Path, tmp_path: Path) -> None:
    env = environment(ZIFFER_STORE=sample_store, HOME=tmp_path, PORT=free_port())

    with serving([sys.executable, "-m", "service"], env):
        left_behind = list(tmp_path.rglob("*"))

    assert left_behind == []


def test_damaged_model_is_never_served(sample_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "registry"
    shutil.copytree(sample_store, store)
    card = open_registry(RegistrySettings(store=str(store))).card("digits", 1)
    blob = store / keys.blob(card.files["model.onnx"].digest)
    content = bytearray(blob.read_bytes())
    content[1000] ^= 1
    blob.write_bytes(content)

    service = serve(environment(ZIFFER_STORE=store))

    assert service.returncode == 1
    assert "is damaged" in service.stderr


def test_second_service_does_not_share_the_port(sample_store: Path) -> None:
    port = free_port()
    env = environment(ZIFFER_STORE=sample_store, PORT=port)

    with serving([sys.executable, "-m", "service"], env):
        second = serve(env)

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in second.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_service_stops_cleanly(stop: signal.Signals, sample_store: Path) -> None:
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port())

    with serving([sys.executable, "-m", "service"], env) as (_, process):
        os.killpg(process.pid, stop)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in output


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_host_that_is_not_here_is_named(host: str, sample_store: Path) -> None:
    env = environment(ZIFFER_STORE=sample_store, ZIFFER_SERVE_HOST=host, PORT=free_port())

    service = serve(env)

    assert service.returncode == 1
    assert f"cannot listen on {host}" in service.stderr
    assert "Traceback" not in service.stderr


def test_request_in_flight_is_finished_on_stop(sample_store: Path, sample: Mnist) -> None:
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port())
    picture = encoded(Image.fromarray(sample.test.images[0]))
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"

    with serving([sys.executable, "-m", "service"], env) as (url, process):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + picture[:-1])
            # The answer to another request shows that the server has seen this one.
            assert curl(f"{url}/healthz")["live"]
            process.send_signal(signal.SIGTERM)
            connection.sendall(picture[-1:])
            answer = connection.makefile("rb").readline()
        process.communicate(timeout=60)

    assert answer.startswith(b"HTTP/1.1 200")


def test_training_and_service_meet_in_an_s3_bucket(tmp_path: Path, sample: Mnist) -> None:
    picture = encoded(Image.fromarray(sample.test.images[0]))
    with registry_servers.moto() as server:
        env = environment(
            ZIFFER_STORE=f"s3://{registry_servers.BUCKET}/ziffer",
            ZIFFER_S3_ENDPOINT_URL=server.endpoint,
            ZIFFER_S3_PATH_STYLE="true",
            ZIFFER_CACHE_DIR=tmp_path,
            AWS_ACCESS_KEY_ID=registry_servers.ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=registry_servers.SECRET_KEY,
            AWS_DEFAULT_REGION="us-east-1",
            PORT=free_port(),
            **QUICK_RECIPE,
        )
        missing = programs.run("training", env=env | {"ZIFFER_STORE": "s3://nowhere/ziffer"})
        training = programs.run("training", env=env)
        with serving([sys.executable, "-m", "service"], env) as (url, _):
            answer = curl("--data-binary", "@-", f"{url}/predict", body=picture)
            health = curl(f"{url}/healthz")
    # The store is gone; what was fetched from it is not.
    with serving([sys.executable, "-m", "service"], env) as (url, _):
        answer_without_store = curl("--data-binary", "@-", f"{url}/predict", body=picture)
        health_without_store = curl(f"{url}/healthz")

    assert "there is no bucket 'nowhere'" in missing.stderr
    assert training.returncode == 0, training.stderr
    assert answer["digit"] == 7
    assert health == {"live": True, "ready": True}
    assert answer_without_store == answer
    assert health_without_store == {"live": True, "ready": True, "stale": True}


def test_stored_card_is_a_sealed_document(sample_store: Path) -> None:
    key = keys.card("digits", 1)

    card = unseal(ModelCard, (sample_store / key).read_bytes(), key=key)

    assert card.version == 1
