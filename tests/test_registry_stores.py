"""One suite for every kind of store: what the registry builds on."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from registry.errors import ConflictError, NotFoundError
from registry.store import Guarantee, ObjectStore

pytest_plugins = ["tests.registry_stores"]

RACERS = 8


def test_get_returns_what_was_put(store: ObjectStore) -> None:
    store.put("a/b", b"body")

    assert store.get("a/b").body == b"body"
    assert store.read("a/b") == b"body"


@pytest.mark.parametrize("body", [b"", b"\x00\xff" * 3, b"x" * 300_000])
def test_any_bytes_are_kept(store: ObjectStore, body: bytes) -> None:
    store.create("a", body)

    assert store.get("a").body == body


def test_get_of_nothing_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFoundError, match="a/b"):
        store.get("a/b")
    with pytest.raises(NotFoundError, match="a/b"):
        store.read("a/b")


@pytest.mark.parametrize(("start", "size_bytes"), [(0, 3), (2, 1), (4, 9), (6, 1), (9, 3)])
def test_a_range_is_read_as_far_as_the_object_goes(
    store: ObjectStore, start: int, size_bytes: int
) -> None:
    store.put("a", b"abcdef")

    assert store.read_range("a", start, size_bytes) == b"abcdef"[start : start + size_bytes]


def test_range_of_nothing_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFoundError, match="a/b"):
        store.read_range("a/b", 0, 1)


def test_listing_of_everything_has_keys_as_they_were_put(store: ObjectStore) -> None:
    for key in ("b/c", "a", "b/a"):
        store.put(key, b"")

    assert [listed.key for listed in store.listing("")] == ["a", "b/a", "b/c"]


def test_put_overwrites(store: ObjectStore) -> None:
    store.put("a", b"first")
    store.put("a", b"second")

    assert store.get("a").body == b"second"


def test_second_create_is_a_conflict(store: ObjectStore) -> None:
    store.create("a", b"first")

    with pytest.raises(ConflictError, match="a exists"):
        store.create("a", b"second")
    assert store.get("a").body == b"first"


def test_creating_the_same_again_succeeds(store: ObjectStore) -> None:
    etag = store.create("a", b"first")

    assert store.create("a", b"first") == etag


def test_replace_wants_the_present_etag(store: ObjectStore) -> None:
    etag = store.create("a", b"first")
    store.replace("a", b"second", etag=etag)

    with pytest.raises(ConflictError, match=r"a .*has changed"):
        store.replace("a", b"third", etag=etag)
    assert store.get("a").body == b"second"


def test_replacing_by_the_same_again_succeeds(store: ObjectStore) -> None:
    etag = store.create("a", b"first")
    new = store.replace("a", b"second", etag=etag)

    assert store.replace("a", b"second", etag=etag) == new


def test_replace_of_nothing_is_a_conflict(store: ObjectStore) -> None:
    etag = store.create("a", b"first")

    with pytest.raises(ConflictError, match="b "):
        store.replace("b", b"second", etag=etag)


def test_get_if_changed_is_none_while_unchanged(store: ObjectStore) -> None:
    etag = store.create("a", b"first")

    assert store.get_if_changed("a", etag) is None


def test_get_if_changed_sees_a_change(store: ObjectStore) -> None:
    etag = store.create("a", b"first")
    store.replace("a", b"second", etag=etag)

    changed = store.get_if_changed("a", etag)

    assert changed is not None
    assert changed == store.get("a")


def test_get_if_changed_of_nothing_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFoundError):
        store.get_if_changed("a", '"0123"')


def test_etags_of_get_and_of_writing_agree(store: ObjectStore) -> None:
    created = store.create("a", b"first")
    assert store.get("a").etag == created

    replaced = store.replace("a", b"second", etag=created)
    assert store.get("a").etag == replaced


def test_delete_removes(store: ObjectStore) -> None:
    store.create("a", b"first")

    store.delete("a")

    with pytest.raises(NotFoundError):
        store.get("a")


def test_deleting_nothing_succeeds(store: ObjectStore) -> None:
    store.delete("a/b/c")


def test_what_was_deleted_can_be_created(store: ObjectStore) -> None:
    store.create("a", b"first")
    store.delete("a")
    store.create("a", b"second")

    assert store.get("a").body == b"second"


def test_listing_is_ascending_and_of_its_prefix_alone(store: ObjectStore) -> None:
    for key in ("b/2", "b/1", "b/10", "a/1", "bb/1", "b/c/1"):
        store.create(key, key.encode())

    assert [listed.key for listed in store.listing("b/")] == ["b/1", "b/10", "b/2", "b/c/1"]


def test_listing_stops_at_its_limit(store: ObjectStore) -> None:
    for number in range(12):
        store.create(f"a/{number:02}", b"")

    assert [listed.key for listed in store.listing("a/", limit=2)] == ["a/00", "a/01"]


def test_listing_of_nothing_is_empty(store: ObjectStore) -> None:
    assert store.listing("a/") == []


def test_listing_knows_size_and_time(store: ObjectStore) -> None:
    store.create("a/b", b"four")

    [listed] = store.listing("a/")

    assert listed.size_bytes == 4
    assert listed.modified_at.tzinfo is not None
    assert abs(datetime.now(UTC) - listed.modified_at) < timedelta(days=3650)


def test_writes_are_listed_at_once(store: ObjectStore) -> None:
    for number in range(20):
        store.create(f"a/{number:02}", b"")
        assert len(store.listing("a/")) == number + 1


def test_folders_are_the_next_level(store: ObjectStore) -> None:
    for key in ("m/digits/versions/1", "m/digits/log/1", "m/faces/log/1", "m/file", "n/x/1"):
        store.create(key, b"")

    assert store.folders("m/") == ["digits", "faces"]


def test_folders_of_nothing_are_none(store: ObjectStore) -> None:
    assert store.folders("m/") == []


def test_nothing_is_left_unfinished(store: ObjectStore) -> None:
    store.create("a", b"first")
    store.put("a", b"second")

    assert store.unfinished() == []


def test_of_racing_creations_one_wins(store: ObjectStore) -> None:
    for round_ in range(2):
        winners = race(partial(store.create, f"a{round_}"))

        assert len(winners) == 1
        assert store.get(f"a{round_}").body == winners[0]


def test_of_racing_replacements_one_wins(store: ObjectStore) -> None:
    for round_ in range(2):
        store.put("a", b"round %d" % round_)
        etag = store.get("a").etag
        winners = race(partial(store.replace, "a", etag=etag))

        assert len(winners) == 1
        assert store.get("a").body == winners[0]


def test_every_kind_guarantees_everything(store: ObjectStore) -> None:
    assert store.guarantee() is Guarantee.FULL


def race(write: Callable[[bytes], str]) -> list[bytes]:
    """The bodies whose writers were told that they had won, of several that start together."""
    start = threading.Barrier(RACERS)

    def run(number: int) -> bytes | None:
        body = b"racer %d" % number
        start.wait()
        try:
            write(body)
        except ConflictError:
            return None
        return body

    with ThreadPoolExecutor(RACERS) as racers:
        return [body for body in racers.map(run, range(RACERS)) if body is not None]
