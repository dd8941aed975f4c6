"""One alias: its log, which is the truth, and its pointer, which is a copy of the newest entry."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from registry import keys
from registry.card import CardSignature, ModelCard, now
from registry.documents import seal, sha256, unseal
from registry.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    StoreUnavailableError,
)
from registry.moves import AliasMove, Resolved, actor
from registry.store import Guarantee, ObjectStore, StoredObject

_ATTEMPTS = 16
_READERS = 8


class Intent(NamedTuple):
    """What a writer wants the next entry of the log to say."""

    card: ModelCard
    action: str
    reason: str
    restores: int | None = None
    overruled: tuple[str, ...] = ()
    signatures: tuple[CardSignature, ...] = ()


class Alias:
    """One alias of one model.

    It is moved in the order log, then pointer. Creating the log entry is the commit point; a writer
    that finds the log ahead of the pointer brings the pointer up to date before its own move.
    """

    def __init__(self, store: ObjectStore, model: str, name: str) -> None:
        """Use `name` of `model`; neither need exist."""
        self._store = store
        self._model = model
        self._name = name
        self._pointer = keys.pointer(model, name)

    def head(self) -> Resolved:
        """The newest move, in one request; raises NotFoundError where the alias was never set.

        A store that lets racing writers overwrite the pointer costs a second request, to the log.
        """
        try:
            return self._up_to_date(self.pointed())
        except NotFoundError:
            raise NotFoundError(
                f"{self._model} has no alias {self._name!r} in {self._store.address}: "
                "train and promote a version first"
            ) from None

    def head_if_moved(self, etag: str) -> Resolved | None:
        """The newest move, or None while the pointer's ETag is `etag`; one request."""
        stored = self._store.get_if_changed(self._pointer, etag)
        return None if stored is None else self._up_to_date(self._read(stored))

    def pointed(self) -> Resolved:
        """The move that the pointer copies, newest or not; raises NotFoundError."""
        return self._read(self._store.get(self._pointer))

    def append(self, decide: Callable[[Resolved | None], Intent | None]) -> AliasMove:
        """Move the alias as `decide` says, given where it is; None leaves it there.

        `decide` is asked again where another writer comes first, and may raise to give up. A
        StoreUnavailableError says whether the move may have been logged all the same.
        """
        move_id, mover = uuid.uuid4().hex, actor()
        for attempt in range(_ATTEMPTS):
            present = self._head_or_none()
            intent = decide(present)
            if intent is None:
                assert present is not None  # noqa: S101 - only a set alias can be left as it is
                return present.move
            move = self._next(intent, present, move_id, mover)
            try:
                self._store.create(self._entry_key(move.sequence), seal(move))
            except ConflictError:
                self.catch_up()
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter
                continue
            self._reveal(move, present)
            return move
        raise ConflictError(
            f"{self._model}@{self._name} is being moved by others all the time: try again later"
        )

    def catch_up(self) -> bool:
        """Bring the pointer up to the log; whether it was behind, missing or damaged."""
        newest = self.newest_sequence()
        if newest == 0:
            return False
        entry = self._store.get(self._entry_key(newest))
        try:
            present = self._store.get(self._pointer)
        except NotFoundError:
            present = None
        if present and self._sequence_or_zero(present) >= newest:
            return False
        self._point(entry.body, present.etag if present else None)
        return True

    def newest_sequence(self) -> int:
        """The number of the log's newest entry, 0 where there is none; one request."""
        newest = self._store.listing(keys.log(self._model, self._name), limit=1)
        return keys.number_of(newest[0].key) if newest else 0

    def entry(self, sequence: int) -> tuple[AliasMove, str]:
        """One move, and the SHA-256 of its stored entry; raises NotFoundError."""
        key = self._entry_key(sequence)
        body = self._store.get(key).body
        move = self._checked(unseal(AliasMove, body, key=key), key)
        if move.sequence != sequence:
            raise IntegrityError(f"{key} holds move {move.sequence}: entries were exchanged")
        return move, sha256(body)

    def sequences(self) -> list[int]:
        """The numbers of the entries that the log holds, newest first."""
        listed = self._store.listing(keys.log(self._model, self._name))
        return [keys.number_of(entry.key) for entry in listed]

    def entries(self, sequences: list[int]) -> Iterator[tuple[AliasMove, str]]:
        """The moves of these numbers, in this order, read a few at a time."""
        from concurrent.futures import ThreadPoolExecutor  # Here, as few read a whole log.

        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(self.entry, sequences)

    def as_of(self, moment: datetime) -> AliasMove:
        """The move in force at `moment`: at most 2 + log2(moves) requests; raises NotFoundError."""
        head = self.head().move
        if head.at <= moment:
            return head
        in_force, after = None, head.sequence
        before = 0
        while after - before > 1:
            middle = (before + after) // 2
            move, _ = self.entry(middle)
            if move.at <= moment:
                in_force, before = move, middle
            else:
                after = middle
        if in_force is None:
            raise NotFoundError(f"{self._model}@{self._name} was not set at {moment.isoformat()}")
        return in_force

    def _head_or_none(self) -> Resolved | None:
        try:
            return self.head()
        except NotFoundError:
            return None

    def _next(
        self, intent: Intent, present: Resolved | None, move_id: str, mover: str
    ) -> AliasMove:
        written: dict[str, Any] = intent._asdict()
        return AliasMove(
            alias=self._name,
            sequence=present.move.sequence + 1 if present else 1,
            previous=present.digest if present else None,
            move_id=move_id,
            actor=mover,
            at=max(now(), present.move.at) if present else now(),
            guarantee=self._store.guarantee(),
            **written,
        )

    def _reveal(self, move: AliasMove, present: Resolved | None) -> None:
        try:
            self._point(seal(move), present.etag if present else None)
        except StoreUnavailableError as error:
            raise StoreUnavailableError(
                f"{self._model}@{self._name} was moved to version {move.card.version}, but readers "
                f"see it only after the next move or `doctor --repair`: {error}"
            ) from error

    def _point(self, body: bytes, etag: str | None) -> None:
        """Copy a log entry to the pointer; a conflict means that someone else has brought it on."""
        with suppress(ConflictError):
            if etag is None:
                self._store.create(self._pointer, body)
            else:
                self._store.replace(self._pointer, body, etag=etag)

    def _up_to_date(self, pointed: Resolved) -> Resolved:
        """Follow the log where the store cannot promise that the pointer is its newest copy."""
        if pointed.move.guarantee is Guarantee.FULL:
            return pointed
        newest = self.newest_sequence()
        if newest <= pointed.move.sequence:
            return pointed
        move, digest = self.entry(newest)
        return Resolved(move=move, etag=pointed.etag, digest=digest)

    def _read(self, stored: StoredObject) -> Resolved:
        move = self._checked(unseal(AliasMove, stored.body, key=self._pointer), self._pointer)
        return Resolved(move=move, etag=stored.etag, digest=sha256(stored.body))

    def _checked(self, move: AliasMove, key: str) -> AliasMove:
        if (move.card.name, move.alias) != (self._model, self._name):
            raise IntegrityError(f"{key} holds a move of {move.card.name}@{move.alias}")
        return move

    def _sequence_or_zero(self, pointer: StoredObject) -> int:
        try:
            return self._read(pointer).move.sequence
        except IntegrityError:
            return 0

    def _entry_key(self, sequence: int) -> str:
        return keys.log_entry(self._model, self._name, sequence)
