"""What lies below INPUT: pictures, arrays, and what is neither."""

from enum import StrEnum
from hashlib import sha256
from pathlib import PurePosixPath
from typing import NamedTuple

from registry.store import ListedObject, ObjectStore


class Kind(StrEnum):
    """How a file is read; its name says so, as a listing does not show what is in it."""

    PICTURE = "picture"
    NUMPY = "npy"
    ZIPPED = "npz"
    RAW = "raw"


_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"})
_ARRAYS = {".npy": Kind.NUMPY, ".npz": Kind.ZIPPED, ".raw": Kind.RAW}


class Input(NamedTuple):
    """One file below INPUT."""

    key: str
    size_bytes: int
    kind: Kind


class Inputs(NamedTuple):
    """All files below INPUT, in ascending order of key."""

    files: list[Input]
    skipped: list[str]
    """Keys of what is neither a picture nor an array, or has a name that is not UTF-8."""
    digest: str
    """Of keys, sizes and times: whether two listings are of the same files."""

    @property
    def summary(self) -> str:
        """How much there is, in a few words."""
        size_bytes = sum(file.size_bytes for file in self.files)
        return f"{len(self.files):,} files to predict ({size_bytes:,} bytes)"


def inputs_below(store: ObjectStore) -> Inputs:
    """What lies in `store`."""
    listed = sorted(entry for entry in store.listing("") if not _is_folder(entry))
    digest = sha256()
    files, skipped = [], []
    for key, size_bytes, modified_at in listed:
        digest.update(
            f"{key}\0{size_bytes}\0{modified_at.timestamp()}\n".encode(errors="surrogatepass")
        )
        kind = _kind(key)
        if kind is None:
            skipped.append(key.encode(errors="backslashreplace").decode())
        else:
            files.append(Input(key, size_bytes, kind))
    return Inputs(files, skipped, digest.hexdigest())


def _kind(key: str) -> Kind | None:
    if not key.isprintable() and any("\ud800" <= character <= "\udfff" for character in key):
        return None  # Python's sign for bytes that are no UTF-8; no format could hold the name.
    ending = PurePosixPath(key).suffix.lower()
    return Kind.PICTURE if ending in _PICTURES else _ARRAYS.get(ending)


def _is_folder(entry: ListedObject) -> bool:
    """Consoles of object stores mark an empty folder by an object of this name."""
    return entry.key.endswith("/") or not entry.key
