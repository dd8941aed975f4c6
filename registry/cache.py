"""A local copy of fetched files, under their digests, shared by all processes of a machine."""

from contextlib import suppress
from pathlib import Path

from registry import keys
from registry.card import StoredFile
from registry.documents import sha256
from registry.local import temporary_file


class BlobCache:
    """Files by digest in a directory. A cache that fails is a cache that misses."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which is made by the first `put`."""
        self._directory = directory.expanduser().absolute()

    def get(self, file: StoredFile) -> bytes | None:
        """The bytes of `file`, or None where they are not here whole."""
        try:
            body = (self._directory / keys.blob(file.digest)).read_bytes()
        except OSError:
            return None
        return body if sha256(body) == file.digest else None

    def put(self, file: StoredFile, body: bytes) -> None:
        """Keep `body`, whose digest the caller has checked; a full disk is no error."""
        path = self._directory / keys.blob(file.digest)
        with suppress(OSError), temporary_file(path, body) as temporary:
            temporary.replace(path)
