"""Images that come as arrays: files of numpy, CSV, and bare bytes."""

import io
import zipfile
from ast import literal_eval

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
from service.errors import InputError, TooLargeError

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
    try:
        shape, dtype, is_fortran, start = _npy_header(body)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        raise InputError("The body is not a file of numpy.", kind="invalid-npy") from None
    if dtype.kind not in "ui" or is_fortran:
        order = "Fortran order" if is_fortran else str(dtype)
        raise _mismatch("uint8 in C order", order, "datatype-mismatch")
    length = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if length != len(body) - start:
        raise _mismatch(f"{length} bytes for shape {list(shape)}", f"{len(body) - start} bytes")
    return _images_of_array(np.frombuffer(body, dtype, offset=start).reshape(shape))


def images_of_npz(body: bytes, *, limit: int) -> NDArray[np.uint8]:
    """The images uint8 [N, 28, 28] of the one array in a zip file of numpy.

    Raises TooLargeError where it unpacks to more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            (name,) = archive.namelist()
            with archive.open(name) as file:
                content = file.read(limit + 1)
    except ValueError:
        raise _mismatch("one array in the file", "none, or several") from None
    except Exception:  # noqa: BLE001 - zipfile raises almost anything on a damaged file
        raise InputError("The body is not a zip file of numpy.", kind="invalid-npy") from None
    if len(content) > limit:
        raise TooLargeError(f"The array unpacks to more than the {limit:,} bytes allowed.")
    return images_of_npy(content)


def _npy_header(body: bytes) -> tuple[tuple[int, ...], np.dtype[np.generic], bool, int]:
    """Shape, dtype, whether in Fortran order, and where the numbers begin."""
    if body[:6] != b"\x93NUMPY" or len(body) < 12:
        raise ValueError
    width = 2 if body[6] == 1 else 4
    start = 8 + width + int.from_bytes(body[8 : 8 + width], "little")
    if start > min(len(body), 1 << 16):
        raise ValueError
    header = literal_eval(body[8 + width : start].decode("latin-1"))
    shape = tuple(header["shape"])
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError
    dtype = np.dtype(header["descr"])
    if dtype.hasobject:
        raise ValueError
    return shape, dtype, bool(header["fortran_order"]), start


def _images_of_array(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    if array.shape in {(IMAGE_PIXELS,), (IMAGE_SIDE, IMAGE_SIDE)}:
        array = array[np.newaxis]
    is_flat = array.ndim == 2 and array.shape[1] == IMAGE_PIXELS
    is_square = array.ndim == 3 and array.shape[1:] == (IMAGE_SIDE, IMAGE_SIDE)
    if not (is_flat or is_square) or not len(array):
        raise _mismatch(_SHAPES, str(list(array.shape)))
    least, most = int(array.min()), int(array.max())
    if least < 0 or most > 255:
        wrong = least if least < 0 else most
        raise _mismatch("whole numbers from 0 to 255", str(wrong), "pixel-value")
    return array.reshape(-1, IMAGE_SIDE, IMAGE_SIDE).astype(np.uint8)


def _csv_image(line: bytes, number: int) -> NDArray[np.uint8]:
    values = line.split(b",")
    if len(values) != IMAGE_PIXELS:
        raise _mismatch(f"{IMAGE_PIXELS} numbers in line {number}", str(len(values)))
    try:
        # An underscore is Python's, not CSV's.
        pixels = bytes(map(int, values)) if b"_" not in line else None
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
