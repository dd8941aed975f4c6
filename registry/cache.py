"""A local copy of what was fetched, shared by all processes of a machine.

Files lie under their digests. Beside them lies what each alias last named, so that a reader whose
store is away can still answer.
"""

from contextlib import suppress
from pathlib import Path

from registry import keys
from registry.card import StoredFile
from registry.documents import seal, sha256, unseal
from registry.errors import IntegrityError
from registry.local import write_file
from registry.moves import Resolved
from registry.store import ObjectStore


class BlobCache:
    """Files by digest in a directory. A cache that fails is a cache that misses."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which is made by the first write; it may be removed at any time."""
        self.directory = directory.expanduser().absolute()

    def get(self, file: StoredFile) -> bytes | None:
        """The bytes of `file`, or None where they are not here whole."""
        try:
            body = (self.directory / keys.blob(file.digest)).read_bytes()
        except OSError:
            return None
        return body if sha256(body) == file.digest else None

    def put(self, file: StoredFile, body: bytes) -> None:
        """Keep `body`, whose digest the caller has checked; a full disk is no error."""
        self._write(self.directory / keys.blob(file.digest), body)

    def last_known(self, store: ObjectStore, model: str, alias: str) -> Resolved | None:
        """What the alias named when the store last answered, marked as stale."""
        path = self._last_known(store, model, alias)
        try:
            resolved = unseal(Resolved, path.read_bytes(), key=str(path))
        except (OSError, IntegrityError):
            return None
        if (resolved.card.name, resolved.move.alias) != (model, alias):
            return None  # Somebody has put another alias's file here.
        return resolved.model_copy(update={"stale": True})

    def remember(self, store: ObjectStore, resolved: Resolved) -> None:
        """Keep what an alias names, unless that is kept already."""
        path = self._last_known(store, resolved.card.name, resolved.move.alias)
        body = seal(resolved)
        with suppress(OSError):
            if path.read_bytes() == body:
                return
        self._write(path, body)

    def _last_known(self, store: ObjectStore, model: str, alias: str) -> Path:
        return self.directory / "last" / sha256(store.identity.encode()) / f"{model}@{alias}.json"

    def _write(self, path: Path, body: bytes) -> None:
        with suppress(OSError):
            write_file(path, body)
