"""Read what a unit is made of: a slice of an array, or pictures."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS
from registry.store import ObjectStore
from service.arrays import (
    MAX_HEADER_BYTES,
    check_length,
    images_of_array,
    images_of_npy,
    images_of_npz,
    npy_header,
)
from service.batch_prediction.errors import BatchError
from service.batch_prediction.inputs import Input, Kind
from service.batch_prediction.units import Unit
from service.errors import InputError, TooLargeError

# An archive is unpacked as a whole.
_MOST_UNPACKED_BYTES = 1 << 29

_MOST_PICTURE_BYTES = 64 << 20

# Requests at a time: a bucket takes many times as long to answer as a picture takes to be read.
_READERS = 16

_BYTE = np.dtype(np.uint8)


class Slice(NamedTuple):
    """Images of one array."""

    first: int
    """The number of the first of them in the array."""
    pixels: NDArray[np.uint8]
    """[N, 28, 28], white ink on black."""


def read_slice(store: ObjectStore, unit: Unit) -> Slice:
    """The images of the slice of an array that `unit` is; raises InputError."""
    (file,) = unit.files
    is_whole = unit.start == 0 and unit.size_bytes is None
    if file.kind is Kind.RAW:
        count = file.size_bytes // IMAGE_PIXELS
        check_length((max(count, 1), IMAGE_PIXELS), _BYTE, file.size_bytes)
        return _slice(store, unit, (count, IMAGE_PIXELS), _BYTE, 0)
    if file.kind is Kind.ZIPPED:
        if file.size_bytes > _MOST_UNPACKED_BYTES:
            raise TooLargeError("The file is too large to be unpacked: save the array as .npy.")
        return Slice(0, images_of_npz(_content(store, file), limit=_MOST_UNPACKED_BYTES))
    if is_whole:
        return Slice(0, images_of_npy(_content(store, file)))
    shape, dtype, order, start = npy_header(store.read_range(file.key, 0, MAX_HEADER_BYTES))
    check_length(shape, dtype, file.size_bytes - start)
    if order == "F":
        raise InputError("The array is in Fortran order: save numpy.ascontiguousarray of it.")
    return _slice(store, unit, shape, dtype, start)


def read_pictures(store: ObjectStore, files: Sequence[Input]) -> Iterator[bytes | InputError]:
    """The content of each file, or why it is not read."""

    def read(file: Input) -> bytes | InputError:
        if file.size_bytes > _MOST_PICTURE_BYTES:
            return TooLargeError(
                f"The file has more than the {_MOST_PICTURE_BYTES:,} bytes allowed."
            )
        return _content(store, file)

    if store.is_local:
        yield from map(read, files)
        return
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(read, files)


def _slice(
    store: ObjectStore,
    unit: Unit,
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    header_bytes: int,
) -> Slice:
    """Whatever images begin in the unit's bytes; `shape` [N, 784] or [N, 28, 28] is the array's."""
    (file,) = unit.files
    image_bytes = IMAGE_PIXELS * dtype.itemsize
    end = file.size_bytes - header_bytes
    if unit.size_bytes is not None:
        end = min(end, unit.start + unit.size_bytes)
    first, last = (-(-place // image_bytes) for place in (unit.start, end))
    size_bytes = (last - first) * image_bytes
    body = store.read_range(file.key, header_bytes + first * image_bytes, size_bytes)
    _check_size(file, len(body), size_bytes)
    return Slice(first, images_of_array(np.frombuffer(body, dtype).reshape(-1, *shape[1:])))


def _content(store: ObjectStore, file: Input) -> bytes:
    content = store.read(file.key)
    _check_size(file, len(content), file.size_bytes)
    return content


def _check_size(file: Input, found: int, expected: int) -> None:
    if found != expected:
        raise BatchError(
            f"{file.key} has changed since the run began: {found} bytes are there, where there "
            f"were {expected}. Put it back, or give another OUTPUT"
        )
