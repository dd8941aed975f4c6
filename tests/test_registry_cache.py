"""The cache saves requests, never truth, and stands in for a store that is away."""

import os
import threading
from pathlib import Path

import pytest

from registry import keys
from registry.cache import BlobCache
from registry.catalog import Registry
from registry.errors import IntegrityError, StoreUnavailableError
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_memory import Away


@pytest.fixture
def store() -> Away:
    return Away()


@pytest.fixture
def cached(store: Away, tmp_path: Path) -> Registry:
    return Registry(store, BlobCache(tmp_path))


def test_the_second_fetch_asks_nobody(cached: Registry, store: Away) -> None:
    card = publish(cached)
    cached.fetch(card, "model.onnx")
    store.operations.clear()

    assert cached.fetch(card, "model.onnx") == b"model"
    assert store.operations == []


def test_an_empty_file_is_cached_too(cached: Registry, store: Away) -> None:
    card = publish(cached, b"")
    cached.fetch(card, "model.onnx")
    store.operations.clear()

    assert cached.fetch(card, "model.onnx") == b""
    assert store.operations == []


def test_a_damaged_copy_is_fetched_again(cached: Registry, tmp_path: Path) -> None:
    card = publish(cached)
    cached.fetch(card, "model.onnx")
    copy = tmp_path / keys.blob(card.files["model.onnx"].digest)
    copy.write_bytes(b"m0del")

    assert cached.fetch(card, "model.onnx") == b"model"
    assert copy.read_bytes() == b"model"


def test_damaged_bytes_are_not_cached(cached: Registry, store: Away, tmp_path: Path) -> None:
    card = publish(cached)
    store.put(keys.blob(card.files["model.onnx"].digest), b"m0del")

    with pytest.raises(IntegrityError, match="is damaged: 5 bytes"):
        cached.fetch(card, "model.onnx")
    assert not list(tmp_path.glob("blobs/**/*.*"))


def test_a_cache_that_cannot_be_written_is_no_error(store: Away, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    registry = Registry(store, BlobCache(in_the_way))
    card = publish(registry)
    registry.promote(card, PRODUCTION)

    assert registry.fetch(registry.resolve(DIGITS, PRODUCTION).card, "model.onnx") == b"model"


def test_processes_may_fill_it_at_once(cached: Registry, tmp_path: Path) -> None:
    card = publish(cached, os.urandom(100_000))
    fetched: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: fetched.append(cached.fetch(card, "model.onnx")))
        for _ in range(8)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert len(set(fetched)) == 1
    assert not list(tmp_path.glob("**/.tmp-*"))


def test_the_last_known_target_stands_in_for_a_store_that_is_away(
    cached: Registry, store: Away
) -> None:
    card = publish(cached)
    cached.promote(card, PRODUCTION)
    fresh = cached.resolve(DIGITS, PRODUCTION)
    cached.fetch(card, "model.onnx")
    store.is_away = True

    stale = cached.resolve(DIGITS, PRODUCTION)

    assert not fresh.stale
    assert stale.stale
    assert stale.card == card
    assert cached.fetch(stale.card, "model.onnx") == b"model"


def test_an_alias_never_seen_has_no_stand_in(cached: Registry, store: Away) -> None:
    cached.promote(publish(cached), PRODUCTION)
    store.is_away = True

    with pytest.raises(StoreUnavailableError):
        cached.resolve(DIGITS, PRODUCTION)


def test_stores_do_not_stand_in_for_each_other(store: Away, tmp_path: Path) -> None:
    one, other = Registry(store, BlobCache(tmp_path)), Registry(Away(), BlobCache(tmp_path))
    one.promote(publish(one), PRODUCTION)
    one.resolve(DIGITS, PRODUCTION)
    assert isinstance(other.store, Away)
    other.store.is_away = True

    with pytest.raises(StoreUnavailableError):
        other.resolve(DIGITS, PRODUCTION)


def test_what_is_stale_becomes_fresh_when_the_store_is_back(cached: Registry, store: Away) -> None:
    cached.promote(publish(cached), PRODUCTION)
    fresh = cached.resolve(DIGITS, PRODUCTION)
    store.is_away = True
    stale = cached.resolve(DIGITS, PRODUCTION)
    store.is_away = False

    assert cached.resolve_if_moved(DIGITS, stale) == fresh
    assert cached.resolve_if_moved(DIGITS, fresh) is None


def test_writers_are_never_answered_from_the_cache(cached: Registry, store: Away) -> None:
    first, second = publish(cached, b"1"), publish(cached, b"2")
    cached.promote(first, PRODUCTION)
    cached.resolve(DIGITS, PRODUCTION)
    store.is_away = True

    with pytest.raises(StoreUnavailableError):
        cached.promote(second, PRODUCTION)


def test_what_another_alias_last_named_is_no_stand_in(
    cached: Registry, store: Away, tmp_path: Path
) -> None:
    for alias in (PRODUCTION, "candidate"):
        cached.promote(publish(cached, alias.encode()), alias)
        cached.resolve(DIGITS, alias)
    (candidate,) = tmp_path.rglob(f"{DIGITS}@candidate.json")
    candidate.replace(candidate.with_name(f"{DIGITS}@{PRODUCTION}.json"))
    store.is_away = True

    with pytest.raises(StoreUnavailableError):
        cached.resolve(DIGITS, PRODUCTION)
