"""What README says is true: its commands work, its routes and settings are those of the code."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from docs import settings as settings_page
from tests.programs import ROOT, environment
from tests.test_training_docs import FEW_IMAGES, ON_THE_SAMPLE

README = (ROOT / "README.md").read_text()

BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


def commands(program: str) -> list[str]:
    found = [command for command in COMMANDS if command.startswith(program)]
    assert found, f"README shows no {program}"
    return found


def test_every_command_is_of_a_kind_that_is_tried() -> None:
    # Docker is not here: tests/container and tests/test_infra_compose.py do the like without it.
    kinds = ("make", "curl", "python -m", "export", "docker")

    assert [command for command in COMMANDS if not command.startswith(kinds)] == []


@pytest.mark.parametrize("command", commands("curl"))
def test_curl_command_gets_an_answer(command: str, service_url: str) -> None:
    words = shlex.split(command.replace("http://127.0.0.1:8000", service_url))

    answer = subprocess.run(
        [*words, "--silent"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    picture = re.search(r"digits/(\d+)\.png", command)
    if picture is None:
        assert "is a list of 1, expected 28 rows" in answer.stdout
    elif command.endswith("/read"):
        assert len(json.loads(answer.stdout)["number"]) == len(picture[1])
    else:
        assert f'"digit":{picture[1]}' in answer.stdout


@pytest.mark.parametrize("command", commands("python -m"))
def test_python_command_succeeds(command: str, tmp_path: Path, sample_store: Path) -> None:
    _, *words = shlex.split(command.replace("var/", f"{tmp_path}/"))
    store = tmp_path if "training" in words else sample_store
    # On a few hundred images, most recipes learn too little for the default rules of promotion.
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": {"require": []}}')
    settings = ON_THE_SAMPLE if "textbook" in words else ON_THE_SAMPLE | FEW_IMAGES

    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(ZIFFER_STORE=store, ZIFFER_POLICY=policy, **settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"`?make ([a-z-]+)", "\n".join(COMMANDS) + README)))
)
def test_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_route_is_described(client: FlaskClient) -> None:
    groups = tuple(re.findall(r"under `(/[^`]+)`", README))
    for rule in client.application.url_map.iter_rules():
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        assert f"`{method} {rule.rule}`" in README or rule.rule.startswith(groups), rule


def test_no_setting_is_named_that_is_none() -> None:
    assert set(re.findall(r"ZIFFER_[A-Z0-9_]*[A-Z0-9]", README)) <= set(
        re.findall(r"ZIFFER_[A-Z0-9_]*[A-Z0-9]", settings_page.page())
    )
