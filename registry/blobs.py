"""The bytes of files, kept under their own SHA-256."""

from collections.abc import Mapping
from contextlib import suppress

from registry import keys
from registry.card import StoredFile
from registry.documents import sha256
from registry.errors import IntegrityError, NotFoundError
from registry.store import ObjectStore


def upload(store: ObjectStore, files: Mapping[str, bytes]) -> dict[str, StoredFile]:
    """Store the bytes, one request a file, even if they are there already.

    Writing them again is cheaper than asking, makes damaged bytes whole, and makes old ones young,
    so that the garbage collector leaves them alone.
    """
    stored = {}
    for name, body in files.items():
        stored[name] = StoredFile(digest=sha256(body), size_bytes=len(body))
        store.put(keys.blob(stored[name].digest), body)
    return stored


def read(store: ObjectStore, file: StoredFile) -> bytes:
    """The bytes of `file`, in one request; raises IntegrityError where size or SHA-256 differ."""
    key = keys.blob(file.digest)
    body = _find(store, file)
    found = sha256(body)
    if len(body) != file.size_bytes or found != file.digest:
        raise IntegrityError(
            f"{key} in {store.address} is damaged: {len(body)} bytes with SHA-256 {found}, "
            f"where {file.size_bytes} bytes were published"
        )
    return body


def _find(store: ObjectStore, file: StoredFile) -> bytes:
    """The bytes from where they are kept, or from where the garbage collector set them aside.

    It may be taking them there, or bringing them back, at this very moment: so look twice.
    """
    for _ in range(2):
        with suppress(NotFoundError):
            return store.read(keys.blob(file.digest))
        for copy in store.listing(keys.set_aside(file.digest), limit=1):
            with suppress(NotFoundError):
                return store.read(copy.key)
    raise NotFoundError(f"{store.address} has lost {keys.blob(file.digest)}")
