"""Tensors on the wire: the images of a request, from JSON or from bytes."""

from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
from service.errors import InputError, TooLargeError
from service.pixels import Place, images_of, may_hold_booleans
from service.protocols.open_inference.document import refusal

DATATYPES = frozenset(
    ["BOOL", "BYTES", "FP16", "BF16", "FP32", "FP64"]
    + [f"{kind}{bits}" for kind in ("UINT", "INT") for bits in (8, 16, 32, 64)]
)
"""All of the protocol's; the model's input is UINT8."""

_SHAPES = ((IMAGE_SIDE, IMAGE_SIDE), (IMAGE_PIXELS,))
"""Of one image, as clients may send it."""

_HINT = "Send pixels as whole numbers from 0 to 255, white ink on black, unscaled."


def check_datatype(datatype: object, place: Place) -> None:
    """Raise InputError unless `datatype` is that of the model's input."""
    if datatype == "UINT8":
        return
    is_unknown = isinstance(datatype, str) and datatype not in DATATYPES
    hint = f"The protocol has no such datatype. {_HINT}" if is_unknown else _HINT
    raise refusal(place, expected="UINT8", got=datatype, kind="wrong-datatype", hint=hint)


def check_shape(shape: object, place: Place, *, max_batch: int) -> tuple[int, ...]:
    """The shape of N images; raises InputError, or TooLargeError for more than `max_batch`."""
    if (
        not isinstance(shape, list)
        or set(map(type, shape)) != {int}
        or tuple(shape[1:]) not in _SHAPES
        or shape[0] < 0
    ):
        expected = f"[N, {IMAGE_SIDE}, {IMAGE_SIDE}] or [N, {IMAGE_PIXELS}]"
        raise refusal(place, expected=expected, got=shape, kind="shape-mismatch")
    if shape[0] == 0:
        raise refusal(place, expected="at least one image", got=shape, kind="empty-batch")
    check_batch(shape[0], max_batch)
    return tuple(shape)


def check_batch(images: int, max_batch: int) -> None:
    """Raise TooLargeError for more than `max_batch` images."""
    if images > max_batch:
        raise TooLargeError(
            f"The request has {images:,} images, more than the {max_batch:,} allowed: "
            "send fewer at a time.",
            kind="batch-too-large",
        )


def pixels_from_bytes(
    content: bytes, start: int, shape: tuple[int, ...], place: Place
) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] in `content` from `start` to its end, which are not copied."""
    expected, got = prod(shape), len(content) - start
    if expected != got:
        words = f"{expected} bytes, as the shape is {list(shape)}"
        raise refusal(place, expected=words, got=got, kind="size-mismatch")
    images = np.frombuffer(content, np.uint8, expected, start)
    return images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def pixels_from_json(
    data: object, shape: tuple[int, ...], place: Place, text: bytes
) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] from `data`, flat or nested, which was parsed from `text`."""
    if not isinstance(data, list):
        words = f"a list of {prod(shape)} pixels, flat or nested"
        raise refusal(place, expected=words, got=data, kind="wrong-data")
    if not data or not isinstance(data[0], list):
        return _from_flat(data, shape, place, text)
    try:
        images = images_of(data, place, text)
    except InputError:
        floats = _from_floats(data, shape, place)
        if floats is None:
            raise
        images = floats
    if len(images) != shape[0]:
        words = f"{shape[0]} images, as the shape is {list(shape)}"
        raise refusal(place, expected=words, got=data, kind="size-mismatch")
    return images


def _from_flat(
    data: list[Any], shape: tuple[int, ...], place: Place, text: bytes
) -> NDArray[np.uint8]:
    if len(data) != prod(shape):
        words = f"{prod(shape)} pixels, as the shape is {list(shape)}"
        raise refusal(place, expected=words, got=data, kind="size-mismatch")
    try:
        content = bytes(data)
    except (TypeError, ValueError):
        images = _from_floats(data, shape, place)
        if images is None:
            raise _wrong_pixel(data, place) from None
        return images
    # To Python true is 1; but looking at the type of each pixel takes longer than all else.
    if may_hold_booleans(text) and bool in set(map(type, data)):
        raise _wrong_pixel(data, place)
    return np.frombuffer(content, np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _from_floats(data: list[Any], shape: tuple[int, ...], place: Place) -> NDArray[np.uint8] | None:
    """As `pixels_from_json`: there are clients that write 7.0 for 7, which is as whole a number.

    None where `data` is wrong in another way. Raises InputError for the first fraction.
    """
    try:
        numbers = np.array(data)
    except ValueError:  # Lists of several lengths.
        return None
    leaves = data
    for _ in numbers.shape[1:]:
        leaves = list(chain.from_iterable(leaves))
    are_numbers = numbers.dtype == np.float64 and set(map(type, leaves)) <= {int, float}
    if not are_numbers or numbers.size != prod(shape):
        return None
    wrong = np.flatnonzero((numbers < 0) | (numbers > 255) | (numbers != np.floor(numbers)))
    if len(wrong):
        index = [int(step) for step in np.unravel_index(wrong[0], numbers.shape)]
        raise _no_pixel(leaves[wrong[0]], [*place, *index])
    return numbers.astype(np.uint8).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _wrong_pixel(data: list[Any], place: Place) -> InputError:
    position, pixel = next(
        (position, pixel)
        for position, pixel in enumerate(data)
        if not (type(pixel) is int and 0 <= pixel <= 255)
    )
    return _no_pixel(pixel, [*place, position])


def _no_pixel(got: object, place: Place) -> InputError:
    words = "a whole number from 0 to 255"
    return refusal(place, expected=words, got=got, kind="pixel-value", hint=_HINT)
