"""Reading ahead: what will be served is fetched while Python imports what serves it."""

from pathlib import Path

import pytest

from registry.contract import MODEL_FILE
from registry.errors import NotFoundError
from registry.settings import RegistrySettings, open_registry
from service.read_ahead import ReadAhead
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_proxy import proxied
from tests.registry_servers import Server

pytest_plugins = ["tests.registry_stores"]


def test_files_that_were_read_ahead_are_not_fetched_again(moto: Server, tmp_path: Path) -> None:
    with proxied(moto) as (proxy, address):
        settings = address.settings(tmp_path / "cache")
        writer = open_registry(settings)
        writer.promote(publish(writer, b"model"), PRODUCTION)

        proxy.reset()
        registry = ReadAhead(settings).open()
        assert registry.fetch(registry.resolve(DIGITS, PRODUCTION).card, MODEL_FILE) == b"model"

    assert [request.path.split("/")[3] for request in proxy.requests] == [
        "models",
        "blobs",
        "models",
    ]


def test_what_is_wrong_is_told_to_who_asks(moto: Server, tmp_path: Path) -> None:
    registry = ReadAhead(moto.settings(tmp_path)).open()

    with pytest.raises(NotFoundError, match="train and promote"):
        registry.resolve(DIGITS, PRODUCTION)


def test_each_process_has_a_registry_of_its_own(tmp_path: Path) -> None:
    ahead = ReadAhead(RegistrySettings(store=str(tmp_path)))

    assert ahead.open() is not ahead.open()
