"""Images that come as arrays: files of numpy, CSV, and bare bytes."""

import io
import math
import re
import zipfile
from ast import literal_eval
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
from service.errors import InputError, TooLargeError

# What numpy writes is 118 bytes long; a parser of Python must not be given much more.
MAX_HEADER_BYTES = 1024
_DTYPE = re.compile(r"[<>|=]?[a-zA-Z?][0-9]{0,3}")

_SHAPES = (
    f"[N, {IMAGE_SIDE}, {IMAGE_SIDE}], [N, {IMAGE_PIXELS}], "
    f"[{IMAGE_SIDE}, {IMAGE_SIDE}] or [{IMAGE_PIXELS}]"
)


def images_of_bytes(body: bytes) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] that lie one behind the other in `body`."""
    if not body or len(body) % IMAGE_PIXELS:
        raise _mismatch(f"a multiple of {IMAGE_PIXELS} bytes", f"{len(body)} bytes")
    return np.frombuffer(body, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def images_of_csv(body: bytes) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of which each is a line of 784 whole numbers."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not lines:
        raise _mismatch(f"lines of {IMAGE_PIXELS} numbers", "none")
    return np.concatenate([_csv_image(line, number) for number, line in enumerate(lines, 1)])


def images_of_npy(body: bytes) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of a file of numpy (NEP 1) that holds whole numbers.

    The header is read by hand: numpy allocates what it says before it looks for the numbers.
    """
    shape, dtype, order, start = npy_header(body)
    check_length(shape, dtype, len(body) - start)
    return images_of_array(np.frombuffer(body, dtype, offset=start).reshape(shape, order=order))


def check_length(shape: tuple[int, ...], dtype: np.dtype[np.generic], size_bytes: int) -> None:
    """Raise InputError where an array does not take `size_bytes`."""
    length = math.prod(shape) * dtype.itemsize
    if length != size_bytes:
        raise _mismatch(f"{length} bytes for shape {list(shape)}", f"{size_bytes} bytes")


def images_of_npz(body: bytes, *, limit: int) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of the one array in a zip file of numpy.

    Raises TooLargeError where it unpacks to more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            content = _only_member(archive, limit)
    except InputError:
        raise
    except Exception:  # noqa: BLE001 - zipfile raises almost anything on a damaged file
        raise InputError("The body is not a zip file of numpy.", kind="invalid-npy") from None
    return images_of_npy(content)


def _only_member(archive: zipfile.ZipFile, limit: int) -> bytes:
    members = archive.infolist()
    if len(members) != 1:
        raise _mismatch("one array in the file", str(len(members)))
    # The methods that numpy writes; LZMA would allocate whatever the file says.
    if members[0].compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InputError("The zip file is not compressed as numpy does it.", kind="invalid-npy")
    with archive.open(members[0]) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TooLargeError(f"The array unpacks to more than the {limit:,} bytes allowed.")
    return content


def npy_header(
    body: bytes,
) -> tuple[tuple[int, ...], np.dtype[np.generic], Literal["C", "F"], int]:
    """Shape, dtype, order of the axes, and where the numbers begin; the first kilobyte tells.

    Raises InputError where it is no file of numpy, or cannot hold images.
    """
    try:
        shape, dtype, order, start = _parsed_header(body)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        raise InputError("The body is not a file of numpy.", kind="invalid-npy") from None
    if dtype.kind not in "ui":
        hint = "; multiply fractions from 0 to 1 by 255 and round them" if dtype.kind == "f" else ""
        raise _mismatch(f"uint8{hint}", str(dtype), "wrong-datatype")
    if not 1 <= len(shape) <= 3 or 0 in shape:
        raise _mismatch(_SHAPES, str(list(shape)))
    return shape, dtype, order, start


def _parsed_header(
    body: bytes,
) -> tuple[tuple[int, ...], np.dtype[np.generic], Literal["C", "F"], int]:
    if body[:6] != b"\x93NUMPY" or len(body) < 12:
        raise ValueError
    width = 2 if body[6] == 1 else 4
    start = 8 + width + int.from_bytes(body[8 : 8 + width], "little")
    if start > min(len(body), MAX_HEADER_BYTES):
        raise ValueError
    header = literal_eval(body[8 + width : start].decode("latin-1").strip())
    shape, descr = tuple(header["shape"]), header["descr"]
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError
    if type(descr) is not str or not _DTYPE.fullmatch(descr):
        raise ValueError
    return shape, np.dtype(descr), "F" if header["fortran_order"] else "C", start


def images_of_array(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of an array of whole numbers; raises InputError."""
    if array.shape in {(IMAGE_PIXELS,), (IMAGE_SIDE, IMAGE_SIDE)}:
        array = array[np.newaxis]
    is_flat = array.ndim == 2 and array.shape[1] == IMAGE_PIXELS
    is_square = array.ndim == 3 and array.shape[1:] == (IMAGE_SIDE, IMAGE_SIDE)
    if not (is_flat or is_square):
        raise _mismatch(_SHAPES, str(list(array.shape)))
    if array.dtype != np.uint8:
        least, most = int(array.min()), int(array.max())
        if least < 0 or most > 255:
            wrong = least if least < 0 else most
            raise _mismatch("whole numbers from 0 to 255", str(wrong), "pixel-value")
    return array.reshape(-1, IMAGE_SIDE, IMAGE_SIDE).astype(np.uint8, copy=False)


def _csv_image(line: bytes, number: int) -> NDArray[np.uint8]:
    values = line.count(b",") + 1
    if values != IMAGE_PIXELS:
        raise _mismatch(f"{IMAGE_PIXELS} numbers in line {number}", str(values))
    try:
        # An underscore is Python's, not CSV's.
        pixels = bytes(map(int, line.split(b","))) if b"_" not in line else None
    except ValueError:
        pixels = None
    if pixels is None:
        expected = f"whole numbers from 0 to 255 in line {number}"
        raise _mismatch(expected, line[:40].decode("latin-1"), "pixel-value")
    return np.frombuffer(pixels, np.uint8).reshape(1, IMAGE_SIDE, IMAGE_SIDE)


def _mismatch(expected: str, got: str, kind: str = "shape-mismatch") -> InputError:
    return InputError(
        f"The images are not as expected: expected {expected}, got {got}.",
        kind=kind,
        problems=[{"loc": [], "expected": expected, "got": got}],
    )
