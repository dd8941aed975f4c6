"""What is in the image, and what it says of itself."""

import json
import re
import sys

import pytest

from tests.container.engine import BASE, Engine

pytestmark = pytest.mark.container

SIZE_LIMIT_BYTES = 200e6
"""Over the base."""

LIST_PACKAGES = (
    "import importlib.metadata, json; print(json.dumps("
    "[[d.metadata['Name'], d.version] for d in importlib.metadata.distributions()]))"
)


@pytest.fixture(scope="module")
def inside() -> list[str]:
    """Words that start a command in the image, which is then thrown away."""
    flags = ["--rm", "--network=none", "--read-only", "--ulimit=nofile=1024:1024"]
    flags += ["--ulimit=nproc=4096:4096", "--security-opt=seccomp=unconfined"]
    return ["run", *flags, "--entrypoint="]


def test_image_is_small(containers: Engine, image: str) -> None:
    size = containers.image(image)["Size"] - containers.image(BASE)["Size"]

    sys.stdout.write(f"\nthe image of the service has {size / 1e6:.1f} MB over its base\n")
    assert size <= SIZE_LIMIT_BYTES


def test_image_says_how_it_is_run(containers: Engine, image: str) -> None:
    config = containers.image(image)["Config"]

    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python", "-m", "service"]
    assert config["StopSignal"] in {"SIGTERM", "15"}
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == "1.2.3"
    assert labels["org.opencontainers.image.revision"] == "abc"
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


@pytest.mark.parametrize("module", ["torch", "onnx", "pip", "setuptools", "training", "tests"])
def test_image_has_no_module(
    containers: Engine, image: str, inside: list[str], module: str
) -> None:
    program = f"import importlib.util as i; print(i.find_spec({module!r}))"
    assert containers.podman(*inside, image, "python", "-c", program) == "None\n"


def test_image_has_neither_compiler_nor_installer(
    containers: Engine, image: str, inside: list[str]
) -> None:
    listing = containers.podman(
        *inside, image, "find", "/usr", "/opt", "-executable", "-not", "-type", "d"
    )

    names = {line.rpartition("/")[2] for line in listing.splitlines()}
    assert "python3" in names
    assert not [
        name for name in names if re.fullmatch(r"(cc|gcc|g\+\+|clang|make|pip)[\d.-]*", name)
    ]


def test_what_is_imported_is_compiled(containers: Engine, image: str, inside: list[str]) -> None:
    program = (
        "import service.program, service.app, service.serving.server, sys; "
        "from pathlib import Path; "
        "specs = [m.__spec__ for m in sys.modules.values() if getattr(m, '__spec__', None)]; "
        "print([s.name for s in specs if s.cached and not Path(s.cached).exists()])"
    )
    assert containers.podman(*inside, image, "python", "-c", program) == "[]\n"


def test_inventory_lists_what_is_installed(
    containers: Engine, image: str, inside: list[str]
) -> None:
    text = containers.podman(*inside, image, "cat", "/usr/share/ziffer/sbom.cdx.json")
    listing = containers.podman(*inside, image, "/opt/ziffer/bin/python", "-c", LIST_PACKAGES)

    inventory = json.loads(text)
    assert inventory["bomFormat"] == "CycloneDX"
    assert inventory["metadata"]["component"]["name"] == "ziffer"
    listed = {(part["name"], part["version"]) for part in inventory["components"]}
    assert listed == {(name, version) for name, version in json.loads(listing)}
    assert all(part["purl"].startswith("pkg:pypi/") for part in inventory["components"])
