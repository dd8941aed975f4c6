"""What the registry asks of a store: five operations, two of them conditional.

The words are HTTP's: an ETag is an opaque mark of an object's present content. It serves to compare
and swap, never to check integrity (which the registry does itself).
"""

from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object's bytes, and the ETag that they had when they were read."""

    body: bytes
    etag: str


class ObjectStore(Protocol):
    """A flat map from keys to bytes in which every write is all or nothing.

    Every operation may raise StoreUnavailableError.
    """

    address: str
    """Where the store is, as a user would write it."""

    is_local: bool
    """Whether reading costs no network request."""

    def get(self, key: str) -> StoredObject:
        """The object at `key`; raises NotFoundError."""

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:
        """The object at `key`, or None while its ETag is still `etag`; raises NotFoundError."""

    def create(self, key: str, body: bytes) -> str:
        """Write `body` at `key` where nothing is there, and return its ETag.

        Creating what is there already, byte for byte, succeeds: a retry of a write whose answer was
        lost must not look like a conflict. Raises ConflictError where other bytes are there.
        """

    def replace(self, key: str, body: bytes, *, etag: str) -> str:
        """Write `body` at `key` while its ETag is `etag`, and return the new one.

        As with `create`, repeating a write that went through succeeds. Raises ConflictError where
        the object has changed or is gone.
        """

    def list(self, prefix: str, *, limit: int | None = None) -> list[str]:
        """The first `limit` keys (or all) that begin with `prefix`, in ascending order.

        `prefix` ends with "/".
        """
