"""The registry itself: publish immutable versions, move aliases, read both back verified."""

import getpass
import random
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

from pydantic import AwareDatetime

from registry import keys
from registry.cache import BlobCache
from registry.card import DraftCard, Frozen, ModelCard, Sha256, StoredFile, now
from registry.documents import seal, sha256, unseal
from registry.errors import ConflictError, IntegrityError, NotFoundError
from registry.store import ObjectStore, StoredObject

_ATTEMPTS = 16


class Anything:
    """The type of `ANYTHING`: promote whatever the alias names now."""


ANYTHING: Final = Anything()


class AliasMove(Frozen):
    """One entry of an alias's log: from `sequence` on, the alias names the version of `card`."""

    format: int = 1
    alias: str
    sequence: int
    """Counts the moves of this alias from 1."""
    previous: Sha256 | None
    """SHA-256 of the stored entry before this one, which chains the log; None in the first."""
    move_id: str
    """Unique to one call of promote, so that a retried write recognises its own entry."""
    action: Literal["promote"]
    reason: str
    actor: str
    """user@host, as the mover's machine told it: a hint for people, not a proof."""
    at: AwareDatetime
    card: ModelCard


class Resolved(Frozen):
    """What an alias names, and the ETag with which to ask whether it still does."""

    move: AliasMove
    etag: str

    @property
    def card(self) -> ModelCard:
        """The card of the version that the alias names."""
        return self.move.card


class Registry:
    """A model registry in an object store.

    A version is published in the order bytes, then card: a crash leaves bytes that nobody names,
    never a card without bytes. An alias is moved in the order log, then pointer: the log entry is
    the commit point, the pointer a copy of the newest entry that readers find in one request. A
    writer that finds the log ahead of the pointer finishes the move before its own.

    Every method may raise StoreUnavailableError, and IntegrityError where stored bytes are not
    what was written.
    """

    def __init__(self, store: ObjectStore, cache: BlobCache | None = None) -> None:
        """Keep everything in `store`; keep copies of fetched files in `cache`, if there is one."""
        self.store = store
        self._cache = cache

    def publish(self, model: str, files: Mapping[str, bytes], draft: DraftCard) -> ModelCard:
        """Store `files` (name to bytes) as the next version of `model` and return its card.

        Files that the store holds already, under whatever version, are not stored again.
        """
        prefix = keys.versions(model)
        publish_id, created_at = uuid.uuid4().hex, now()
        stored = {name: self._store_blob(body) for name, body in files.items()}
        version = self._newest_version(prefix) + 1
        while True:
            card = ModelCard(
                **draft.model_dump(),
                name=model,
                version=version,
                publish_id=publish_id,
                created_at=created_at,
                files=stored,
            )
            try:
                self.store.create(keys.card(model, version), seal(card))
            except ConflictError:
                version += 1
            else:
                return card

    def card(self, model: str, version: int) -> ModelCard:
        """The card of one version; raises NotFoundError."""
        key = keys.card(model, version)
        try:
            card = unseal(ModelCard, self.store.get(key).body, key=key)
        except NotFoundError:
            raise NotFoundError(
                f"{model} has no version {version} in {self.store.address}"
            ) from None
        if (card.name, card.version) != (model, version):
            raise IntegrityError(f"{key} holds the card of {card.name} version {card.version}")
        return card

    def versions(self, model: str) -> list[int]:
        """The version numbers of `model`, newest first."""
        return [keys.version_of(key) for key in self.store.list(keys.versions(model))]

    def models(self) -> list[str]:
        """The names of the models that have a version."""
        found = self.store.list("models/")
        return sorted({key.split("/")[1] for key in found if "/versions/" in key})

    def aliases(self, model: str) -> dict[str, int]:
        """The version that each alias of `model` names."""
        prefix = keys.aliases(model)
        names = [key.removeprefix(prefix).removesuffix(".json") for key in self.store.list(prefix)]
        return {alias: self.resolve(model, alias).card.version for alias in names}

    def resolve(self, model: str, alias: str) -> Resolved:
        """What `alias` names, in one request; raises NotFoundError where it was never set."""
        key = keys.pointer(model, alias)
        try:
            return _resolved(self.store.get(key), key, model, alias)
        except NotFoundError:
            raise NotFoundError(
                f"{model} has no alias {alias!r} in {self.store.address}: "
                "train and promote a version first"
            ) from None

    def resolve_if_moved(self, model: str, known: Resolved) -> Resolved | None:
        """What the alias of `known` names now, or None while that is still `known`; one request."""
        alias = known.move.alias
        key = keys.pointer(model, alias)
        stored = self.store.get_if_changed(key, known.etag)
        return None if stored is None else _resolved(stored, key, model, alias)

    def promote(
        self,
        card: ModelCard,
        alias: str,
        *,
        expect: int | Anything | None = ANYTHING,
        reason: str = "",
    ) -> AliasMove:
        """Let `alias` name the version of `card`, and return the log entry that says so.

        Promoting what the alias names already changes nothing and returns the present entry.
        Raises ConflictError, naming the present version, where `expect` is given and the alias
        does not name that version (None: is not unset).
        """
        move_id, actor = uuid.uuid4().hex, f"{_user()}@{socket.gethostname()}"
        for attempt in range(_ATTEMPTS):
            present = self._present(card.name, alias)
            _check_expectation(card.name, alias, present, expect)
            if present and present.card == card:
                return present.move
            move = AliasMove(
                alias=alias,
                sequence=present.move.sequence + 1 if present else 1,
                previous=sha256(seal(present.move)) if present else None,
                move_id=move_id,
                action="promote",
                reason=reason,
                actor=actor,
                at=now(),
                card=card,
            )
            key = keys.log_entry(card.name, alias, move.sequence)
            try:
                self.store.create(key, seal(move))
            except ConflictError:
                self._finish_move(key, card.name, present)
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter
                continue
            self._point(move, present)
            return move
        raise ConflictError(
            f"{card.name}@{alias} is being moved by others all the time: try again later"
        )

    def fetch(self, card: ModelCard, file: str) -> bytes:
        """The bytes of one file of a version, with size and SHA-256 checked."""
        try:
            stored = card.files[file]
        except KeyError:
            raise NotFoundError(
                f"{card.name} version {card.version} has no {file!r}, only {', '.join(card.files)}"
            ) from None
        cached = self._cache and self._cache.get(stored)
        if cached:
            return cached
        key = keys.blob(stored.digest)
        body = self.store.get(key).body
        if len(body) != stored.size_bytes or sha256(body) != stored.digest:
            raise IntegrityError(
                f"{key} in {self.store.address} is damaged: {len(body)} bytes with SHA-256 "
                f"{sha256(body)}, where {stored.size_bytes} bytes were published"
            )
        if self._cache:
            self._cache.put(stored, body)
        return body

    def _store_blob(self, body: bytes) -> StoredFile:
        stored = StoredFile(digest=sha256(body), size_bytes=len(body))
        self.store.create(keys.blob(stored.digest), body)
        return stored

    def _newest_version(self, prefix: str) -> int:
        newest = self.store.list(prefix, limit=1)
        return keys.version_of(newest[0]) if newest else 0

    def _present(self, model: str, alias: str) -> Resolved | None:
        try:
            return self.resolve(model, alias)
        except NotFoundError:
            return None

    def _finish_move(self, key: str, model: str, present: Resolved | None) -> None:
        """Bring the pointer up to the log entry at `key`, whose writer may have died half-way."""
        move = unseal(AliasMove, self.store.get(key).body, key=key)
        self._point(move, present)

    def _point(self, move: AliasMove, present: Resolved | None) -> None:
        """Copy a log entry to the pointer; a conflict means that it is as new already."""
        key = keys.pointer(move.card.name, move.alias)
        with suppress(ConflictError):
            if present is None:
                self.store.create(key, seal(move))
            else:
                self.store.replace(key, seal(move), etag=present.etag)


def _resolved(stored: StoredObject, key: str, model: str, alias: str) -> Resolved:
    move = unseal(AliasMove, stored.body, key=key)
    if (move.card.name, move.alias) != (model, alias):
        raise IntegrityError(f"{key} holds a move of {move.card.name}@{move.alias}")
    return Resolved(move=move, etag=stored.etag)


def _check_expectation(
    model: str, alias: str, present: Resolved | None, expect: int | Anything | None
) -> None:
    version = present.card.version if present else None
    if isinstance(expect, Anything) or expect == version:
        return
    if present is None:
        raise ConflictError(f"{model}@{alias} is not set, expected version {expect}")
    expected = "it unset" if expect is None else f"version {expect}"
    raise ConflictError(
        f"{model}@{alias} is at version {version}, expected {expected}: "
        f"{present.move.actor} moved it at {present.move.at.isoformat()}"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run under a user id that has no name.
        return "unknown"
