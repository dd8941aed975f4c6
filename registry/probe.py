"""Find out, by trying, how far a store keeps concurrent writers apart.

A store that ignores a precondition answers 200, not an error, and one that checks it may still not
check and write in one step: so the probe ends in two races.
"""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from registry import keys
from registry.documents import sha256
from registry.errors import ConflictError
from registry.local import write_file
from registry.store import Guarantee, ObjectStore

_RACERS = 8
_REMEMBERED_S = 24 * 3600


def probe(store: ObjectStore) -> Guarantee:
    """The guarantee that `store` gives: about 25 small requests below `.probe/`, removed again."""
    folder = f"{keys.PROBES}{uuid.uuid4().hex}/"
    created, raced = f"{folder}created", f"{folder}raced"
    try:
        if not _creates_once(store, created) or not _one_creates(store, raced):
            return Guarantee.NONE
        if not _replaces_what_was_read(store, created) or not _one_replaces(store, raced):
            return Guarantee.CREATE_ONLY
        return Guarantee.FULL
    finally:
        for key in (created, raced):
            store.delete(key)


def remembered(directory: Path, server: str) -> Guarantee | None:
    """The verdict that `remember` kept for the server within the last day."""
    try:
        verdict = json.loads(_note(directory, server).read_text())
        fresh = 0 <= time.time() - verdict["at"] < _REMEMBERED_S
        return Guarantee(verdict["guarantee"]) if fresh else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(directory: Path, server: str, guarantee: Guarantee) -> None:
    """Spare the next process of this machine the probe; failing to is no error."""
    note = _note(directory, server)
    body = json.dumps({"at": time.time(), "guarantee": guarantee}).encode()
    with suppress(OSError):
        write_file(note, body)


def _note(directory: Path, server: str) -> Path:
    return directory / "guarantees" / f"{sha256(server.encode())}.json"


def _creates_once(store: ObjectStore, key: str) -> bool:
    store.create(key, b"first")
    return not _succeeds(lambda: store.create(key, b"second"))


def _replaces_what_was_read(store: ObjectStore, key: str) -> bool:
    stale = store.get(key).etag
    store.replace(key, b"third", etag=stale)
    return not _succeeds(lambda: store.replace(key, b"fourth", etag=stale))


def _one_creates(store: ObjectStore, key: str) -> bool:
    return _winners(lambda body: store.create(key, body)) == 1


def _one_replaces(store: ObjectStore, key: str) -> bool:
    etag = store.get(key).etag
    return _winners(lambda body: store.replace(key, b"again " + body, etag=etag)) == 1


def _winners(write: Callable[[bytes], str]) -> int:
    with ThreadPoolExecutor(_RACERS) as racers:
        bodies = [b"racer %d" % number for number in range(_RACERS)]
        return sum(racers.map(lambda body: _succeeds(lambda: write(body)), bodies))


def _succeeds(write: Callable[[], str]) -> bool:
    try:
        write()
    except ConflictError:
        return False
    return True
