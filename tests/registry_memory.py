"""A store in memory with a clock that tests set and a hook before each operation."""

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from registry.errors import ConflictError, NotFoundError, StoreUnavailableError
from registry.store import Guarantee, ListedObject, StoredObject


class MemoryStore:
    """A real store in every respect but lasting."""

    is_local = True

    def __init__(self) -> None:
        """Begin empty, with a clock that stands still from now on."""
        self.address = self.identity = f"memory {id(self):x}"
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.clock = datetime.now(UTC)
        self.kept_apart = Guarantee.FULL
        self.operations: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda operation, key: None
        self._lock = threading.Lock()

    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self.clock += duration

    def guarantee(self) -> Guarantee:
        return self.kept_apart

    def get(self, key: str) -> StoredObject:
        self._enter("get", key)
        if key not in self.objects:
            raise NotFoundError(f"there is no {key} in {self.address}")
        body = self.objects[key][0]
        return StoredObject(body, _etag(body))

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:
        stored = self.get(key)
        return None if stored.etag == etag else stored

    def read(self, key: str) -> bytes:
        return self.get(key).body

    def read_range(self, key: str, start: int, size_bytes: int) -> bytes:
        return self.get(key).body[start : start + size_bytes]

    def put(self, key: str, body: bytes) -> None:
        self._enter("put", key)
        self.objects[key] = (body, self.clock)

    def create(self, key: str, body: bytes) -> str:
        self._enter("create", key)
        with self._lock:
            present = self.objects.setdefault(key, (body, self.clock))[0]
        if present != body:
            raise ConflictError(f"{key} exists already")
        return _etag(body)

    def replace(self, key: str, body: bytes, *, etag: str) -> str:
        self._enter("replace", key)
        with self._lock:
            present = self.objects.get(key, (b"", self.clock))[0]
            if _etag(present) == etag or self.kept_apart is not Guarantee.FULL:
                self.objects[key] = (body, self.clock)
            elif present != body:
                raise ConflictError(f"{key} has changed since it was read")
        return _etag(body)

    def delete(self, key: str) -> None:
        self._enter("delete", key)
        self.objects.pop(key, None)

    def listing(self, prefix: str, *, limit: int | None = None) -> list[ListedObject]:
        self._enter("listing", prefix)
        found = sorted(item for item in self.objects.items() if item[0].startswith(prefix))
        return [ListedObject(key, len(body), at) for key, (body, at) in found[:limit]]

    def folders(self, prefix: str) -> list[str]:
        self._enter("folders", prefix)
        inside = (key[len(prefix) :] for key in self.objects if key.startswith(prefix))
        return sorted({rest.split("/")[0] for rest in inside if "/" in rest})

    def unfinished(self) -> list[ListedObject]:
        return []

    def _enter(self, operation: str, key: str) -> None:
        self.before(operation, key)
        self.operations.append((operation, key))


class Away(MemoryStore):
    """A store that can be cut off."""

    is_away = False

    def _enter(self, operation: str, key: str) -> None:
        if self.is_away:
            raise StoreUnavailableError("cut off")
        super()._enter(operation, key)


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
