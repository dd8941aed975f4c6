"""A store in a local directory: the embedded default, on the standard library alone."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.documents import sha256
from registry.errors import ConflictError, NotFoundError, StoreUnavailableError
from registry.store import StoredObject

_TEMPORARY = ".tmp-"


class LocalStore:
    """One file an object; safe under concurrent processes of one machine.

    A file appears whole or not at all: it is written under a temporary name, synced, then linked
    (create) or renamed (replace) into place. Reading never writes.
    """

    is_local = True

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which is made by the first write."""
        self.directory = directory.expanduser().absolute()
        self.address = str(self.directory)

    def get(self, key: str) -> StoredObject:  # noqa: D102 - ObjectStore documents the operations
        try:
            body = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in {self.address}") from None
        except OSError as error:
            raise self._unavailable("read", key, error) from error
        return StoredObject(body, sha256(body))

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:  # noqa: D102
        stored = self.get(key)
        return None if stored.etag == etag else stored

    def create(self, key: str, body: bytes) -> str:  # noqa: D102
        path = self._path(key)
        with self._writing(key), temporary_file(path, body) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                if path.read_bytes() != body:
                    raise ConflictError(f"{key} exists already") from None
        return sha256(body)

    def replace(self, key: str, body: bytes, *, etag: str) -> str:  # noqa: D102
        path = self._path(key)
        with self._writing(key), self._locked(path), temporary_file(path, body) as temporary:
            present = sha256(path.read_bytes()) if path.exists() else None
            if present == etag:
                temporary.replace(path)
            elif present != sha256(body):
                raise ConflictError(f"{key} has changed since it was read")
        return sha256(body)

    def list(self, prefix: str, *, limit: int | None = None) -> list[str]:  # noqa: D102
        try:
            keys = sorted(self._keys_under(prefix))
        except OSError as error:
            raise self._unavailable("list", prefix, error) from error
        return keys[:limit]

    def _keys_under(self, prefix: str) -> Iterator[str]:
        for folder, _, files in os.walk(self._path(prefix)):
            parent = Path(folder).relative_to(self.directory).as_posix()
            yield from (f"{parent}/{file}" for file in files if not file.startswith("."))

    def _path(self, key: str) -> Path:
        return self.directory / key

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unavailable("write", key, error) from error

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold the lock of one key: compare and rename are two steps."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".lock-{path.name}").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _unavailable(self, verb: str, key: str, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"cannot {verb} {key} in {self.address}: {error.strerror or error}"
        )


@contextmanager
def temporary_file(path: Path, body: bytes) -> Iterator[Path]:
    """A synced file beside `path` that holds `body`, and is gone in the end.

    What the caller links or renames from it is durable when the block ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        _sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
