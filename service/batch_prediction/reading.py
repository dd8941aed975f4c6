"""Read what a unit is made of: a slice of an array, or pictures."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
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
_MOST_UNPACKED_BYTES = 1 << 28

_MOST_PICTURE_BYTES = 64 << 20

# Requests at a time: a bucket takes many times as long to answer as a picture takes to be read.
_READERS = 16

_BYTE = np.dtype(np.uint8)


class Slice(NamedTuple):
    """Some images of one array, one after the other."""

    first: int
    """The number of the first of them in the array."""
    pixels: NDArray[np.uint8]
    """[N, 28, 28], white ink on black."""


class _Layout(NamedTuple):
    """How the images of an array lie in its file, one after the other."""

    start: int
    """Where the first begins, in bytes."""
    shape: tuple[int, ...]
    """Of one image."""
    dtype: np.dtype[np.generic]

    @property
    def image_bytes(self) -> int:
        return IMAGE_PIXELS * self.dtype.itemsize


def read_slices(store: ObjectStore, unit: Unit, *, at_once: int) -> Iterator[Slice]:
    """The images of the slice of an array that `unit` is, at most `at_once` at a time.

    Raises InputError, maybe after some of them.
    """
    (file,) = unit.files
    layout = _layout(store, unit)
    if layout is None:
        images = _images_of_file(store, file)
        for start in range(0, len(images), at_once):
            yield Slice(start, images[start : start + at_once])
        return
    first, last = _span(unit, layout)
    # A bucket is asked once. From a file, each piece is read when it is wanted: so it comes from
    # the processor's cache.
    step = at_once if store.is_local else max(last - first, 1)
    for start in range(first, last, step):
        images = _images_at(store, file, layout, start, min(start + step, last))
        for begin in range(0, len(images), at_once):
            yield Slice(start + begin, images[begin : begin + at_once])


def _layout(store: ObjectStore, unit: Unit) -> _Layout | None:
    """Where the images lie, or None where the file has to be read as a whole."""
    (file,) = unit.files
    if file.kind is Kind.ZIPPED:
        return None
    if file.kind is Kind.RAW:
        count = max(file.size_bytes // IMAGE_PIXELS, 1)
        check_length((count, IMAGE_PIXELS), _BYTE, file.size_bytes)
        return _Layout(0, (IMAGE_PIXELS,), _BYTE)
    shape, dtype, order, start = npy_header(store.read_range(file.key, 0, MAX_HEADER_BYTES))
    check_length(shape, dtype, file.size_bytes - start)
    if order == "C" and shape[1:] in {(IMAGE_PIXELS,), (IMAGE_SIDE, IMAGE_SIDE)}:
        return _Layout(start, shape[1:], dtype)
    if unit.start == 0 and unit.size_bytes is None:
        return None
    if order == "F":
        raise InputError("The array is in Fortran order: save numpy.ascontiguousarray of it.")
    raise InputError(f"The images are not as expected: got an array of shape {list(shape)}.")


def _images_of_file(store: ObjectStore, file: Input) -> NDArray[np.uint8]:
    if file.kind is not Kind.ZIPPED:
        return images_of_npy(_content(store, file))
    if file.size_bytes > _MOST_UNPACKED_BYTES:
        raise TooLargeError("The file is too large to be unpacked: save the array as .npy.")
    return images_of_npz(_content(store, file), limit=_MOST_UNPACKED_BYTES)


def _span(unit: Unit, layout: _Layout) -> tuple[int, int]:
    """The numbers of the first image that begins in the unit's bytes, and of the next after it."""
    (file,) = unit.files
    end = file.size_bytes - layout.start
    if unit.size_bytes is not None:
        end = min(end, unit.start + unit.size_bytes)
    return -(-unit.start // layout.image_bytes), -(-end // layout.image_bytes)


def _images_at(
    store: ObjectStore, file: Input, layout: _Layout, first: int, last: int
) -> NDArray[np.uint8]:
    size_bytes = (last - first) * layout.image_bytes
    body = store.read_range(file.key, layout.start + first * layout.image_bytes, size_bytes)
    _check_size(file, len(body), size_bytes)
    return images_of_array(np.frombuffer(body, layout.dtype).reshape(-1, *layout.shape))


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
