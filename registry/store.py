"""What the registry asks of a store: eleven operations, two of them conditional.

The words are HTTP's: an ETag is an opaque mark of an object's present content. It serves to compare
and swap, never to check integrity (which the registry does itself).
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object's bytes, and the ETag that they had when they were read."""

    body: bytes
    etag: str


class ListedObject(NamedTuple):
    """What a listing says of an object."""

    key: str
    size_bytes: int
    modified_at: datetime
    """By the store's clock."""


class Guarantee(StrEnum):
    """How far a store keeps concurrent writers apart."""

    FULL = "full"
    """`create` and `replace` are atomic."""

    CREATE_ONLY = "create-only"
    """`create` is atomic; of two racing replacements the later one silently wins."""

    NONE = "none"
    """Of any two racing writes the later one silently wins."""


class ObjectStore(Protocol):
    """A flat map from keys to bytes in which every write is all or nothing.

    Every operation may raise StoreUnavailableError.
    """

    address: str
    """Where the store is, as a user would write it."""

    identity: str
    """Tells this store from every other one: its address and whatever else finds it."""

    is_local: bool
    """Whether reading costs no network request."""

    def guarantee(self) -> Guarantee:
        """How far writers are kept apart; found by trying, once, and remembered."""

    def get(self, key: str) -> StoredObject:
        """The object at `key`; raises NotFoundError."""

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:
        """The object at `key`, or None while its ETag is still `etag`; raises NotFoundError."""

    def read(self, key: str) -> bytes:
        """The bytes at `key`, where their ETag is of no interest; raises NotFoundError."""

    def read_range(self, key: str, start: int, size_bytes: int) -> bytes:
        """So many bytes of the object at `key` from `start` on, fewer where it ends before.

        Raises NotFoundError.
        """

    def put(self, key: str, body: bytes) -> None:
        """Write `body` at `key`, whatever is there."""

    def create(self, key: str, body: bytes) -> str:
        """Write `body` at `key` where nothing is there, and return its ETag.

        Creating what is there already, byte for byte, succeeds: a retry of a write whose answer was
        lost must not look like a conflict. Raises ConflictError only where other bytes were seen at
        `key`, so that whoever counts keys leaves no gap.
        """

    def replace(self, key: str, body: bytes, *, etag: str) -> str:
        """Write `body` at `key` while its ETag is `etag`, and return the new one.

        As with `create`, repeating a write that went through succeeds. Raises ConflictError where
        the object has changed or is gone.
        """

    def delete(self, key: str) -> None:
        """Remove the object at `key`; removing what is not there succeeds."""

    def listing(self, prefix: str, *, limit: int | None = None) -> list[ListedObject]:
        """The first `limit` objects (or all) that begin with `prefix`, in ascending order of key.

        `prefix` ends with "/", or is empty: then all there is.
        """

    def folders(self, prefix: str) -> list[str]:
        """The names that follow `prefix` up to the next "/", in ascending order."""

    def unfinished(self) -> list[ListedObject]:
        """What writers that died have left half-written; `delete` removes it."""
