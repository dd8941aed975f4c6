"""docs/serving.md is true: its commands work in the order given, its tables are the code's."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from registry.settings import RegistrySettings, open_registry
from service.protocols.openapi.kinds import KINDS
from service.telemetry.families import FAMILIES, Family
from tests.programs import ROOT, environment, free_port, serving
from tests.service_models import Releases

GUIDE = (ROOT / "docs/serving.md").read_text()
ADDRESS = "127.0.0.1:8000"

SERVICE = re.compile(r"((?:\w+=\S+ )*)python -m service( .*)?")
ASSIGNMENT = re.compile(r"(\w+)=\$\((.*)\)")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


class Shell:
    """A shell, and the service that was started last."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._variables = dict(variables)
        self._address = ""
        self._service = ExitStack()

    def run(self, command: str) -> str:
        """What the command prints; raises where it fails."""
        if started := SERVICE.fullmatch(command):
            self._start(*started.groups(""))
            return ""
        if assigned := ASSIGNMENT.fullmatch(command):
            self._variables[assigned[1]] = self.run(assigned[2]).strip()
            return ""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.addressed(command)],
            cwd=self._folder,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
        return done.stdout

    def addressed(self, text: str) -> str:
        """`text` with the address of the service that runs."""
        return text.replace(ADDRESS, self._address)

    def _start(self, variables: str, flags: str) -> None:
        self.close()
        given = dict(pair.split("=", 1) for pair in variables.split())
        # The first of a port's variables, so that it counts for whatever platform is meant.
        env = self._variables | given | {"SAGEMAKER_BIND_TO_PORT": str(free_port())}
        # Its files are named from the folder, and the service runs from the checkout.
        words = [str(self._folder / w) if w.startswith("var/") else w for w in shlex.split(flags)]
        url, _ = self._service.enter_context(
            serving([sys.executable, "-m", "service", *words], env)
        )
        self._address = url.removeprefix("http://")

    def close(self) -> None:
        """End the service."""
        self._service.close()


@pytest.fixture
def shell(tmp_path: Path, sample_store: Path) -> Iterator[Shell]:
    """In a folder with docs/ and var/, as a checkout has them, and with two versions."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "var").mkdir()
    (tmp_path / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    (tmp_path / "policy.json").write_text('{"default": {"require": []}}')
    store = shutil.copytree(sample_store, tmp_path / "registry")
    registry = open_registry(RegistrySettings(store=str(store)))
    Releases(registry, like=registry).publish()
    variables = environment(
        ZIFFER_STORE=store,
        ZIFFER_POLICY=tmp_path / "policy.json",
        CURL_HOME=tmp_path,
        PYTHONPATH=ROOT,
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    shell = Shell(tmp_path, variables)
    yield shell
    shell.close()


def test_every_command_works_in_the_order_given(shell: Shell) -> None:
    assert len(COMMANDS) > 20

    told = {command: shell.run(command) for command in COMMANDS}

    def answer(part: str) -> str:
        return next(answer for command, answer in told.items() if part in command)

    # A network that has seen 600 digits may misread one of them.
    assert len(json.loads(answer("/read"))["number"]) == 4
    assert '"saliency":[[' in answer("explain=true")
    assert 'ziffer_model_requests_total{version="1",role="primary"} 1' in answer("shadow_images")


def test_boto3_is_answered_as_shown(shell: Shell, tmp_path: Path) -> None:
    [example] = [block for block in blocks("python") if "sagemaker" in block]
    shell.run("python -m service")
    (tmp_path / "example.py").write_text(shell.addressed(example))

    assert shell.run("python example.py").startswith("7,")


@pytest.mark.parametrize("example", blocks("python"))
def test_the_python_shown_compiles(example: str) -> None:
    compile(example, "docs/serving.md", "exec")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_metric_is_listed(family: Family) -> None:
    labels = ", ".join(family.labels)

    assert f"| `{family.name}` | {family.kind} | {labels} | {family.meaning} |\n" in GUIDE


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_listed(kind: str) -> None:
    status, meaning = KINDS[kind]

    assert f"| `{kind}` | {status} | {meaning} |\n" in GUIDE


def test_every_flag_that_is_named_exists() -> None:
    flags = set(re.findall(r"(?<=[`(])--[a-z-]+", GUIDE))
    settings = (ROOT / "docs/settings.md").read_text()

    assert [flag for flag in flags if f"`{flag}`" not in settings] == []
