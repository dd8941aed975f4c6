"""Tensors on the wire: the images of a request, from JSON or from bytes."""

from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
from service.errors import TooLargeError
from service.protocols.open_inference.refusal import MISSING, Location, refusal

DATATYPES = frozenset(
    ["BOOL", "BYTES", "FP16", "BF16", "FP32", "FP64"]
    + [f"{kind}{bits}" for kind in ("UINT", "INT") for bits in (8, 16, 32, 64)]
)
"""All of the protocol's; the model's input is UINT8."""

_SHAPES = ((IMAGE_SIDE, IMAGE_SIDE), (IMAGE_PIXELS,))
"""Of one image, as clients may send it."""

_HINT = "Send pixels as whole numbers from 0 to 255, white ink on black, unscaled."


def check_datatype(datatype: object, location: Location) -> None:
    """Raise InputError unless `datatype` is that of the model's input."""
    if datatype == "UINT8":
        return
    known = isinstance(datatype, str) and datatype in DATATYPES
    unknown = "" if known or datatype is MISSING else "That is no datatype of this protocol. "
    raise refusal(
        location, expected="UINT8", got=datatype, kind="wrong-datatype", hint=unknown + _HINT
    )


def check_shape(shape: object, location: Location, *, max_batch: int) -> tuple[int, ...]:
    """The shape of N images; raises InputError, or TooLargeError for more than `max_batch`."""
    if (
        not isinstance(shape, list)
        or set(map(type, shape)) != {int}
        or tuple(shape[1:]) not in _SHAPES
        or shape[0] < 0
    ):
        expected = f"[N, {IMAGE_SIDE}, {IMAGE_SIDE}] or [N, {IMAGE_PIXELS}]"
        raise refusal(location, expected=expected, got=shape, kind="shape-mismatch")
    if shape[0] == 0:
        raise refusal(location, expected="at least one image", got=shape, kind="empty-batch")
    check_batch(shape[0], max_batch)
    return tuple(shape)


def check_batch(images: int, max_batch: int) -> None:
    """Raise TooLargeError for more than `max_batch` images."""
    if images > max_batch:
        raise TooLargeError(
            f"The request has {images:,} images, more than the {max_batch:,} allowed; "
            "send fewer at a time."
        )


Rows = list[list[Any]]


def pixels_from_bytes(
    body: bytes, start: int, shape: tuple[int, ...], location: Location
) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] in `body` from `start` to its end, which are not copied."""
    expected, got = prod(shape), len(body) - start
    if expected != got:
        raise refusal(
            location,
            expected=f"{expected:,} bytes for the shape {list(shape)}",
            got=got,
            kind="size-mismatch",
        )
    images = np.frombuffer(body, np.uint8, expected, start)
    return images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def pixels_from_json(
    data: object, shape: tuple[int, ...], location: Location, *, may_hold_booleans: bool
) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] from `data`, flat or nested as `shape` says; raises InputError.

    `may_hold_booleans` is false where JSON's words for them are nowhere in the text: Python takes
    them for 1 and 0, and looking at every pixel's type costs more than the inference.
    """
    rows, extent = _rows(data, shape, location)
    try:
        content = b"".join(map(bytes, rows))
    except (TypeError, ValueError):  # Not a whole number, or none from 0 to 255.
        raise _wrong_pixel(rows, extent, location) from None
    if may_hold_booleans and any(bool in set(map(type, row)) for row in rows):
        raise _wrong_pixel(rows, extent, location)
    return np.frombuffer(content, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _rows(data: object, shape: tuple[int, ...], location: Location) -> tuple[Rows, tuple[int, ...]]:
    """The innermost lists of `data`, whose lengths are right, and the shape it has as JSON."""
    if not isinstance(data, list):
        expected = f"a list of {prod(shape):,} pixels"
        raise refusal(location, expected=expected, got=data, kind="wrong-data")
    is_nested = bool(data) and isinstance(data[0], list)
    extent = shape if is_nested else (prod(shape),)
    rows: Rows = [data]
    for axis, length in enumerate(extent):
        if axis:
            rows = list(chain.from_iterable(rows))
        if set(map(type, rows)) != {list} or set(map(len, rows)) != {length}:
            raise _wrong_length(rows, extent, axis, location)
    return rows, extent


def _wrong_length(rows: Rows, extent: tuple[int, ...], axis: int, location: Location) -> Exception:
    position, row = next(
        (position, row)
        for position, row in enumerate(rows)
        if type(row) is not list or len(row) != extent[axis]
    )
    return refusal(
        [*location, *_index(position, extent[:axis])],
        expected=f"a list of {extent[axis]:,}",
        got=row,
        kind="size-mismatch",
    )


def _wrong_pixel(rows: Rows, extent: tuple[int, ...], location: Location) -> Exception:
    position, pixel = next(
        (position, pixel)
        for position, pixel in enumerate(chain.from_iterable(rows))
        if not (type(pixel) is int and 0 <= pixel <= 255)
    )
    return refusal(
        [*location, *_index(position, extent)],
        expected="a whole number from 0 to 255",
        got=pixel,
        kind="wrong-data",
        hint=_HINT,
    )


def _index(position: int, extent: tuple[int, ...]) -> list[int]:
    """Where the element number `position` of an array of shape `extent` is."""
    return [int(step) for step in np.unravel_index(position, extent)] if extent else []
