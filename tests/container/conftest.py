"""The image, built from the Dockerfile and run as an orchestrator would; `make test-container`."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.engine import Engine, engine, missing


@pytest.fixture(scope="session")
def containers() -> Iterator[Engine]:
    if reason := missing():
        # Continuous integration must build the image.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with engine() as containers:
        yield containers


@pytest.fixture(scope="session")
def image(containers: Engine) -> str:
    """The name of the image of the service."""
    return containers.build("serve", "--build-arg=VERSION=1.2.3", "--build-arg=REVISION=abc")


@pytest.fixture(scope="session")
def store(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's registry, as others than its owner may read it."""
    store = tmp_path_factory.mktemp("image") / "registry"
    shutil.copytree(sample_store, store)
    for path in (store, *store.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return store
