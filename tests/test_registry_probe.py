"""What the probe says of real servers, and what the registry then dares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import keys
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import AliasMovedError, UnsafeStoreError
from registry.probe import remember, remembered
from registry.settings import open_registry
from registry.store import Guarantee
from tests import registry_servers
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_memory import MemoryStore
from tests.registry_servers import Server

pytest_plugins = ["tests.registry_stores"]


@pytest.fixture(scope="module")
def localbucket() -> Iterator[Server]:
    with registry_servers.localbucket() as server:
        yield server


@pytest.fixture(scope="module")
def nanio() -> Iterator[Server]:
    with registry_servers.nanio() as server:
        yield server


@pytest.mark.parametrize(
    ("server", "verdict"),
    [("seaweedfs", "full"), ("moto", "full"), ("localbucket", "create-only"), ("nanio", "none")],
)
def test_the_probe_tells_the_servers_apart(
    server: str, verdict: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = request.getfixturevalue(server).store(tmp_path)

    assert store.guarantee() == verdict
    assert store.listing("") == []


def test_a_store_that_ignores_preconditions_is_not_written_to(
    nanio: Server, tmp_path: Path
) -> None:
    registry = open_registry(nanio.settings(tmp_path))

    with pytest.raises(UnsafeStoreError, match=r"ignores If-None-Match .* ZIFFER_SINGLE_WRITER"):
        publish(registry)

    assert registry.store.listing("") == []


def test_a_single_writer_may_write_anywhere(nanio: Server, tmp_path: Path) -> None:
    registry = open_registry(nanio.settings(tmp_path, single_writer=True))

    cards = [publish(registry, b"%d" % n) for n in range(2)]
    moves = [registry.promote(card, PRODUCTION) for card in cards]

    assert [card.version for card in cards] == [1, 2]
    assert {move.guarantee for move in moves} == {Guarantee.NONE}
    assert registry.resolve(DIGITS, PRODUCTION).card == cards[1]
    with pytest.raises(AliasMovedError):
        registry.promote(cards[0], PRODUCTION, expect=1)


def test_a_single_writer_does_not_overwrite_its_own_log(nanio: Server, tmp_path: Path) -> None:
    registry = open_registry(nanio.settings(tmp_path, single_writer=True))
    first, second, third = (publish(registry, b"%d" % n) for n in range(3))
    registry.promote(first, PRODUCTION)
    behind = registry.store.get(keys.pointer(DIGITS, PRODUCTION)).body
    registry.promote(second, PRODUCTION)
    registry.store.put(keys.pointer(DIGITS, PRODUCTION), behind)  # As if it had been killed.

    registry.promote(third, PRODUCTION)

    assert [move.card.version for move in registry.log(DIGITS, PRODUCTION)] == [3, 2, 1]


def test_on_a_create_only_store_the_log_decides(localbucket: Server, tmp_path: Path) -> None:
    registry = open_registry(localbucket.settings(tmp_path))
    first, second = (publish(registry, b"%d" % n) for n in range(2))
    registry.promote(first, PRODUCTION)
    overwritten_with = registry.store.get(keys.pointer(DIGITS, PRODUCTION)).body
    registry.promote(second, PRODUCTION)

    registry.store.put(keys.pointer(DIGITS, PRODUCTION), overwritten_with)

    assert registry.resolve(DIGITS, PRODUCTION).card == second
    assert registry.rollback(DIGITS, PRODUCTION).sequence == 3
    assert registry.resolve(DIGITS, PRODUCTION).card == first


def test_a_verdict_is_remembered_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path, "server a", Guarantee.CREATE_ONLY)

    assert remembered(tmp_path, "server a") is Guarantee.CREATE_ONLY
    assert remembered(tmp_path, "server b") is None
    monkeypatch.setattr("registry.probe._REMEMBERED_S", 0)
    assert remembered(tmp_path, "server a") is None


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    remember(tmp_path, "server", Guarantee.FULL)
    [note] = (tmp_path / "guarantees").iterdir()

    for damage in ("", "{}", "[]", '{"at": "x", "guarantee": "full"}'):
        note.write_text(damage)
        assert remembered(tmp_path, "server") is None


def test_a_pointer_that_fell_behind_is_brought_on_by_the_next_writer() -> None:
    store = MemoryStore()
    registry = Registry(store)
    cards = [publish(registry, b"%d" % n) for n in range(4)]
    for card in cards[:3]:
        registry.promote(card, PRODUCTION)
    store.put(keys.pointer(DIGITS, PRODUCTION), seal(registry.log(DIGITS, PRODUCTION)[2]))

    assert registry.promote(cards[3], PRODUCTION).sequence == 4


def test_a_pointer_that_was_lost_is_made_from_the_log() -> None:
    store = MemoryStore()
    registry = Registry(store)
    cards = [publish(registry, b"%d" % n) for n in range(3)]
    for card in cards[:2]:
        registry.promote(card, PRODUCTION)
    store.delete(keys.pointer(DIGITS, PRODUCTION))

    assert registry.promote(cards[2], PRODUCTION).sequence == 3
