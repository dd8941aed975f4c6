"""Fixtures: one of each kind of store, and the servers behind them.

A test module that wants them says `pytest_plugins = ["tests.registry_stores"]`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.catalog import Registry
from registry.local import LocalStore
from registry.settings import open_store
from registry.store import ObjectStore
from tests import registry_servers
from tests.registry_memory import MemoryStore
from tests.registry_servers import Server


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[Server]:
    with registry_servers.seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    with registry_servers.moto() as server:
        yield server


@pytest.fixture(params=["memory", "directory", "moto", "seaweedfs"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> ObjectStore:
    """An empty store of each kind."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "directory":
        return LocalStore(tmp_path / "store")
    server: Server = request.getfixturevalue(request.param)
    # A cache of its own for each server, not for each test: it remembers the probe's verdict.
    cache = tmp_path_factory.getbasetemp() / request.param
    if request.param == "moto":  # Through boto3 alone, as where credentials are for it to find.
        return server.store(cache)
    return open_store(server.settings(cache))


@pytest.fixture
def registry(store: ObjectStore) -> Registry:
    """A registry in an empty store of each kind."""
    return Registry(store)
