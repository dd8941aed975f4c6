"""Collect garbage: bytes that no version, alias or kept history needs.

Deleting what nobody names races with a publisher who has just found or stored the same bytes and is
about to name them. So nothing is deleted at once:

1. Bytes that nobody names and that are older than `grace` are set aside: copied below trash/ under
   a key of this run's own, then removed from blobs/. Readers look there for bytes they miss.
2. A later run, at least `hold` after, brings back what has come to be named since, and deletes the
   rest for good.

A publisher finishes well within `hold` (registry.publishing), so whatever it names is brought back
or was never touched. Every step can be repeated, so a run that dies is finished by the next.
Nothing is decided on incomplete knowledge: a card or a log entry that cannot be read ends the run.
"""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel

from registry import keys
from registry.card import Frozen, now
from registry.documents import seal
from registry.elapsed import Elapsed
from registry.errors import InvalidNameError, NotFoundError
from registry.moves import actor
from registry.reachability import needed_digests
from registry.store import ListedObject, ObjectStore

GRACE = timedelta(days=7)
HOLD = timedelta(days=1)
RETENTION = timedelta(days=365)

_SHORTEST_HOLD = timedelta(hours=2)
_LONGEST_STEP_S = 600.0


class Bytes(Frozen):
    """Some objects that a run handles."""

    objects: int
    size_bytes: int
    keys: tuple[str, ...]


class Collection(Frozen):
    """What a run did, or would do."""

    format: int = 1
    at: AwareDatetime
    actor: str
    applied: bool
    set_aside: Bytes
    """Named by nobody: now in the trash."""
    brought_back: Bytes
    """Named again since they were set aside."""
    deleted: Bytes
    """Set aside long enough ago: gone for good."""
    kept_objects: int
    """Named by a version, an alias or kept history, or too young to say."""
    kept_bytes: int


class _Begun(BaseModel):
    """The mark of a run that began, which a run that died leaves without a report beside it."""

    actor: str


def collect(
    store: ObjectStore,
    *,
    apply: bool,
    grace: timedelta = GRACE,
    hold: timedelta = HOLD,
    retention: timedelta = RETENTION,
) -> Collection:
    """Find garbage, and with `apply` deal with it.

    Log entries younger than `retention` keep the bytes they name, even of deleted versions. Raises
    InvalidNameError where `hold` is too short to be safe, otherwise what reading the registry does.
    """
    if hold < _SHORTEST_HOLD:
        raise InvalidNameError("hold must be two hours at least: a publisher may take one")
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex}"
    moment = _begin(store, run) if apply else datetime.now(UTC)
    # In this order: whatever is named after the listing was young, or is safe in the trash.
    trash = _older(store.listing(keys.TRASH), moment - hold)
    blobs = store.listing(keys.BLOBS)
    needed = needed_digests(store, moment - retention)
    present = {keys.digest_of(blob.key) for blob in blobs}
    garbage = [b for b in _older(blobs, moment - grace) if keys.digest_of(b.key) not in needed]
    returning = [copy for copy in trash if keys.digest_of(copy.key) in needed - present]
    finished = [copy for copy in trash if copy not in returning]
    finished += _older(store.unfinished(), moment - grace)
    if apply:
        _set_aside(store, run, garbage)
        _bring_back(store, returning)
        _delete(store, finished)
    report = Collection(
        at=now(),
        actor=actor(),
        applied=apply,
        set_aside=_bytes(garbage),
        brought_back=_bytes(returning),
        deleted=_bytes(finished),
        kept_objects=len(blobs) - len(garbage),
        kept_bytes=sum(blob.size_bytes for blob in blobs if blob not in garbage),
    )
    if apply:
        store.create(f"{keys.RUNS}{run}/report.json", seal(report))
    return report


def _begin(store: ObjectStore, run: str) -> datetime:
    """Note that a run began, and return the time by the store's clock, which ages go by."""
    folder = f"{keys.RUNS}{run}/"
    store.create(f"{folder}begun.json", seal(_Begun(actor=actor())))
    return store.listing(folder, limit=1)[0].modified_at


def _older(objects: Iterable[ListedObject], moment: datetime) -> list[ListedObject]:
    return [entry for entry in objects if entry.modified_at <= moment]


def _set_aside(store: ObjectStore, run: str, garbage: Iterable[ListedObject]) -> None:
    for blob in garbage:
        elapsed = Elapsed()
        with suppress(NotFoundError):  # Another run was here first.
            body = store.read(blob.key)
            store.put(f"{keys.set_aside(keys.digest_of(blob.key))}{run}", body)
        # After a long sleep the copy may be gone and the blob be needed: leave it to the next run.
        if elapsed.seconds < _LONGEST_STEP_S:
            store.delete(blob.key)


def _bring_back(store: ObjectStore, copies: Iterable[ListedObject]) -> None:
    for copy in copies:
        with suppress(NotFoundError):  # Another run was here first.
            store.put(keys.blob(keys.digest_of(copy.key)), store.read(copy.key))
            store.delete(copy.key)


def _delete(store: ObjectStore, objects: Iterable[ListedObject]) -> None:
    for entry in objects:
        store.delete(entry.key)


def _bytes(objects: Iterable[ListedObject]) -> Bytes:
    found = list(objects)
    return Bytes(
        objects=len(found),
        size_bytes=sum(entry.size_bytes for entry in found),
        keys=tuple(entry.key for entry in found),
    )
