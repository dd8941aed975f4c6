"""Images that come as numbers: lists of whole numbers from 0 to 255, white ink on black.

Nothing is guessed: values from 0 to 1 look like a very dark image, so fractions are refused with
what to do about them.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_PIXELS, IMAGE_SIDE
from service.errors import InputError, Problem

Place = Sequence[str | int]
"""Where in a JSON body a value lies."""

_FRACTION = re.compile(r"[01]\.[0-9]+|[0-9.]+e-[0-9]+")
_PIXEL = "a whole number from 0 to 255"
_EXPECTED = f"{IMAGE_SIDE} rows of {IMAGE_SIDE} whole numbers from 0 to 255"


def image_of(value: Any, place: Place, text: bytes) -> NDArray[np.uint8]:  # noqa: ANN401
    """The image uint8 [1, 28, 28] that `value` lists, by rows or as 784 numbers.

    `text` is the JSON that `value` comes from. Raises InputError, which says where from `place` on.
    """
    body = _packed(value)
    if body is None or len(body) != IMAGE_PIXELS or may_hold_booleans(text):
        _check(value, place)
    return np.frombuffer(body or b"", np.uint8).reshape(1, IMAGE_SIDE, IMAGE_SIDE)


def images_of(values: Any, place: Place, text: bytes) -> NDArray[np.uint8]:  # noqa: ANN401
    """The images uint8 [N, 28, 28] that `values` lists, each as `image_of` takes them."""
    if type(values) is not list or not values:
        raise InputError(
            f"{dotted(place)} is {described(values)}, expected a list of images.",
            kind="shape-mismatch",
            problems=[_problem(place, "a list of at least one image", described(values))],
        )
    bodies = [_packed(value) for value in values]
    is_doubtful = may_hold_booleans(text)
    for index, body in enumerate(bodies):
        if body is None or len(body) != IMAGE_PIXELS or is_doubtful:
            _check(values[index], [*place, index])
    joined = b"".join([body for body in bodies if body])
    return np.frombuffer(joined, np.uint8).reshape(len(bodies), IMAGE_SIDE, IMAGE_SIDE)


def _packed(value: Any) -> bytes | None:  # noqa: ANN401 - any JSON value
    """The pixels of one image as bytes, or None where `value` is not one.

    `bytes` takes whole numbers from 0 to 255 only, and takes them twenty times faster than a look
    at each. But it makes of a number as many zeros, hence the look at the types of the rows; and it
    takes True for 1, hence `may_hold_booleans`.
    """
    try:
        if type(value) is not list or type(value[0]) is not list:
            return bytes(value) if type(value) is list else None
        are_rows = set(map(type, value)) == {list} and set(map(len, value)) == {IMAGE_SIDE}
        return b"".join(map(bytes, value)) if are_rows else None
    except (IndexError, TypeError, ValueError):
        return None


def may_hold_booleans(text: bytes) -> bool:
    """Whether `text`, which is JSON, has the word true or false somewhere, or may have.

    Both end in e, and looking for one byte takes a quarter of the time of looking for a word.
    """
    pieces = text.split(b"e", 100)
    return len(pieces) > 100 or any(piece.endswith((b"tru", b"fals")) for piece in pieces)


def _check(value: Any, place: Place) -> None:  # noqa: ANN401 - any JSON value
    """Look at every number of an image; raises InputError for the first that is wrong."""
    problem = _first_problem(value, place)
    if problem is not None:
        raise _refusal(problem)


def _refusal(problem: Problem) -> InputError:
    hint = f"an image is {_EXPECTED}, or {IMAGE_PIXELS} of them"
    if _FRACTION.fullmatch(problem["got"]):
        hint = "multiply fractions from 0 to 1 by 255 and round them"
    return InputError(
        f"{dotted(problem['loc'])} is {problem['got']}, expected {problem['expected']}: {hint}.",
        kind="pixel-value" if problem["expected"] == _PIXEL else "shape-mismatch",
        problems=[problem],
    )


def _first_problem(value: Any, place: Place) -> Problem | None:  # noqa: ANN401 - any JSON value
    if type(value) is not list:
        return _problem(place, _EXPECTED, described(value))
    if not any(type(row) is list for row in value):
        if len(value) != IMAGE_PIXELS:
            expected = f"{IMAGE_SIDE} rows or {IMAGE_PIXELS} values"
            return _problem(place, expected, described(value))
        return _first_wrong_pixel(value, place)
    if len(value) != IMAGE_SIDE:
        return _problem(place, f"{IMAGE_SIDE} rows", described(value))
    for index, row in enumerate(value):
        if type(row) is not list or len(row) != IMAGE_SIDE:
            return _problem([*place, index], f"{IMAGE_SIDE} values", described(row))
    wrong = (_first_wrong_pixel(row, [*place, index]) for index, row in enumerate(value))
    return next(filter(None, wrong), None)


def _first_wrong_pixel(row: list[Any], place: Place) -> Problem | None:
    for index, pixel in enumerate(row):
        if not _is_pixel(pixel):
            return _problem([*place, index], _PIXEL, described(pixel))
    return None


def _is_pixel(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return type(value) is int and 0 <= value <= 255


def _problem(place: Place, expected: Any, got: Any) -> Problem:  # noqa: ANN401 - any JSON value
    return {"loc": list(place), "expected": expected, "got": got}


def described(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` in a few words."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, str):
        return f"the text {value[:20]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def dotted(place: Place) -> str:
    """`place` as it is written in a sentence."""
    return ".".join(map(str, place)) or "the body"
