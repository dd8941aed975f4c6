"""A store in a local directory: the embedded default, on the standard library alone."""

import fcntl
import heapq
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from registry.documents import sha256
from registry.errors import ConflictError, NotFoundError, StoreUnavailableError
from registry.store import Guarantee, ListedObject, StoredObject

_TEMPORARY = ".tmp-"


class LocalStore:
    """One file an object; safe under concurrent processes of one machine.

    A file appears whole or not at all: it is written under a temporary name, synced, then linked
    (create) or renamed (put, replace) into place. Reading never writes.
    """

    is_local = True

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which is made by the first write."""
        self.directory = directory.expanduser().absolute()
        self.address = self.identity = str(self.directory)
        self._is_writable = False

    def guarantee(self) -> Guarantee:  # noqa: D102 - ObjectStore documents the operations
        if not self._is_writable:
            with self._failing("write", "anything"):
                self.directory.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=self.directory).close()
            self._is_writable = True
        return Guarantee.FULL

    def get(self, key: str) -> StoredObject:  # noqa: D102
        body = self.read(key)
        return StoredObject(body, sha256(body))

    def read(self, key: str) -> bytes:  # noqa: D102
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in {self.address}") from None
        except OSError as error:
            raise self._unavailable("read", key, error) from error

    def read_range(self, key: str, start: int, size_bytes: int) -> bytes:  # noqa: D102
        try:
            with self._path(key).open("rb", buffering=0) as file:
                return os.pread(file.fileno(), size_bytes, start)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in {self.address}") from None
        except OSError as error:
            raise self._unavailable("read", key, error) from error

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:  # noqa: D102
        stored = self.get(key)
        return None if stored.etag == etag else stored

    def put(self, key: str, body: bytes) -> None:  # noqa: D102
        with self._failing("write", key):
            write_file(self._path(key), body)

    def create(self, key: str, body: bytes) -> str:  # noqa: D102
        path = self._path(key)
        with self._failing("write", key), temporary_file(path, body) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                if path.read_bytes() != body:
                    raise ConflictError(f"{key} exists already") from None
        return sha256(body)

    def replace(self, key: str, body: bytes, *, etag: str) -> str:  # noqa: D102
        path = self._path(key)
        with (
            self._failing("write", key),
            self._locked(path),
            temporary_file(path, body) as temporary,
        ):
            present = sha256(path.read_bytes()) if path.exists() else None
            if present == etag:
                temporary.replace(path)
            elif present != sha256(body):
                raise ConflictError(f"{key} has changed since it was read")
        return sha256(body)

    def delete(self, key: str) -> None:  # noqa: D102
        path = self._path(key)
        with self._failing("delete", key):
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_directory(path.parent)

    def listing(self, prefix: str, *, limit: int | None = None) -> list[ListedObject]:  # noqa: D102
        with self._failing("list", prefix):
            keys = (key for key in self._keys_under(prefix) if not _is_hidden(key))
            first = sorted(keys) if limit is None else heapq.nsmallest(limit, keys)
            return [listed for key in first if (listed := self._listed(key))]

    def folders(self, prefix: str) -> list[str]:  # noqa: D102
        with self._failing("list", prefix):
            try:
                entries = list(os.scandir(self._path(prefix)))
            except FileNotFoundError:
                return []
            return sorted(entry.name for entry in entries if entry.is_dir())

    def unfinished(self) -> list[ListedObject]:  # noqa: D102
        with self._failing("list", ""):
            left = (key for key in self._keys_under("") if Path(key).name.startswith(_TEMPORARY))
            return [listed for key in sorted(left) if (listed := self._listed(key))]

    def _keys_under(self, prefix: str) -> Iterator[str]:
        for folder, _, files in os.walk(self._path(prefix), onerror=_raise_unless_absent):
            parent = Path(folder).relative_to(self.directory)
            within = f"{parent.as_posix()}/" if parent.parts else ""
            yield from (within + file for file in files)

    def _listed(self, key: str) -> ListedObject | None:
        try:
            found = self._path(key).stat()
        except FileNotFoundError:  # Deleted since the directory was read.
            return None
        return ListedObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _path(self, key: str) -> Path:
        return self.directory / key

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold the lock of one key: compare and rename are two steps."""
        make_directory(path.parent)
        with path.with_name(f".lock-{path.name}").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _failing(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unavailable(verb, key, error) from error

    def _unavailable(self, verb: str, key: str, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"cannot {verb} {key} in {self.address}: {error.strerror or error}"
        )


@contextmanager
def temporary_file(path: Path, body: bytes) -> Iterator[Path]:
    """A synced file beside `path` that holds `body`, and is gone in the end.

    What the caller links or renames from it is durable when the block ends.
    """
    make_directory(path.parent)
    temporary = path.with_name(f"{_temporary_prefix(path)}{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: Path, body: bytes) -> None:
    """Let `path` hold `body`: whole or not at all, and durably."""
    with temporary_file(path, body) as temporary:
        temporary.replace(path)


def remove_file(path: Path) -> None:
    """Remove `path`, if it is there, and what writers of it left that were killed."""
    path.unlink(missing_ok=True)
    for temporary in path.parent.glob(f"{_temporary_prefix(path)}*"):
        temporary.unlink(missing_ok=True)


def _temporary_prefix(path: Path) -> str:
    # File systems take names of 255 bytes.
    return f"{_TEMPORARY}{path.name[:40]}-"


def make_directory(directory: Path) -> None:
    """Make `directory` and its parents, each of them durable before the next."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    sync_directory(directory.parent)


def _raise_unless_absent(error: OSError) -> None:
    """A folder that is not there is empty; one that cannot be read must not look empty."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _is_hidden(key: str) -> bool:
    """Temporary files and locks are not objects."""
    return key.rpartition("/")[2].startswith(".")


def sync_directory(directory: Path) -> None:
    """Make durable which entries `directory` has."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
