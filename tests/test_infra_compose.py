"""What compose.yaml promises, as far as it can be said without Docker."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.infrastructure import (
    SERVE_IMAGE,
    TRAIN_IMAGE,
    compose,
    program,
    service_settings,
    settings_of,
)
from tests.programs import ROOT

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
# The images' own users, who are not root: nobody, and 472.
OTHER_USERS = {"prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()
    is_ours = service["image"] in {SERVE_IMAGE, TRAIN_IMAGE}
    assert is_ours or name in OTHER_USERS or service["user"] == "1000:1000"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", ["train", "better", "service"])
def test_settings_exist_and_name_the_bucket_that_is_made(name: str) -> None:
    service = SERVICES[name]
    arguments = [] if "entrypoint" in service else service["command"]

    registry = settings_of(service["image"], arguments, service["environment"])

    assert registry.store == "s3://models/ziffer"
    [command] = SERVICES["bucket"]["command"]
    assert "s3.bucket.create -name models" in command
    secret = registry.s3_secret_access_key
    assert secret is not None
    assert SERVICES["s3"]["environment"] == {
        "AWS_ACCESS_KEY_ID": registry.s3_access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret.get_secret_value(),
    }


def test_service_has_time_to_drain() -> None:
    service = SERVICES["service"]
    settings = service_settings(service["command"], service["environment"])

    given_s = int(service["stop_grace_period"].removesuffix("s"))
    assert given_s > settings.drain_s + settings.grace_s + 2
    assert service["ports"] == [f"127.0.0.1:8000:{settings.port}"]
    # The first training may take its time.
    assert settings.wait_for_model


def test_first_training_is_left_out_where_there_is_a_model() -> None:
    [command] = SERVICES["train"]["command"]
    script = command.replace("$$", "$").replace(
        "exec python -m training", "echo python -m training"
    )

    told = {}
    for status in (0, 1, 4):
        show = script.replace("python -m registry show", f"(exit {status})", 1)
        told[status] = subprocess.run(
            ["sh", "-c", show], capture_output=True, text=True, check=False
        ).stdout.strip()

    assert told == {0: "", 1: "", 4: "python -m training --recipe textbook"}


def test_images_are_built_from_stages_that_exist() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM .* AS (\w+)$", dockerfile, re.M))

    built = {one["image"]: one["build"]["target"] for one in SERVICES.values() if "build" in one}
    assert built == {SERVE_IMAGE: "serve", TRAIN_IMAGE: "train"}
    assert set(built.values()) <= stages
    # The image has this check as well; compose asks more often.
    assert f"CMD {json.dumps(SERVICES['service']['healthcheck']['test'][1:])}" in dockerfile


def test_files_that_are_mounted_exist() -> None:
    mounts = [mount for one in SERVICES.values() for mount in one.get("volumes", ())]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]

    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_prometheus_asks_the_service() -> None:
    prometheus = yaml.safe_load((ROOT / "infra/compose/prometheus.yaml").read_text())
    [job] = prometheus["scrape_configs"]

    # The alerts ask for this job.
    assert job["job_name"] == "ziffer"
    assert job["static_configs"] == [{"targets": ["service:8000"]}]
    assert "service" in SERVICES


def test_grafana_asks_prometheus() -> None:
    folder = ROOT / "infra/compose/grafana"
    [source] = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]

    assert source["url"] == "http://prometheus:9090"
    assert "127.0.0.1:9090:9090" in SERVICES["prometheus"]["ports"]


def test_prometheus_takes_its_configuration() -> None:
    promtool = program("promtool", "on Debian: apt-get install prometheus")

    subprocess.run(
        [promtool, "check", "config", ROOT / "infra/compose/prometheus.yaml"], check=True
    )
