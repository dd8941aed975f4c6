"""Turn the bytes of an image file, however it was made, into what the model reads."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_SIDE
from service.vision.decode import Picture, decode
from service.vision.grouping import Box
from service.vision.ink import Grey, sheets
from service.vision.normalize import is_mnist_like, normalize
from service.vision.segments import Mark, marks


class Prepared(NamedTuple):
    """An image as the model may read it."""

    candidates: NDArray[np.uint8]
    """[K, 28, 28], white ink on black: none of a blank image, and more than one where it is not
    plain which is ink and which is paper."""
    several: bool
    """Whether there is more than one digit in the image."""


class Found(NamedTuple):
    """One digit of several in an image."""

    box: Box
    """Where it is, in pixels of the upright image."""
    candidates: NDArray[np.uint8]
    """As in `Prepared`, at least one."""


class Page(NamedTuple):
    """All digits of an image."""

    width: int
    height: int
    digits: list[Found]
    """Line by line from the top, each from the left."""


def prepare(content: bytes, *, max_pixels: int) -> Prepared:
    """The digit in an image file, as MNIST would have it.

    An image that is as MNIST makes them, or its negative, keeps its pixels. Raises InputError,
    as `decode` does.
    """
    grey = decode(content, max_pixels=max_pixels).grey
    exact = _exact(grey)
    if exact is not None:
        return Prepared(exact[None], several=False)
    readings = [found for sheet in sheets(grey) if (found := marks(sheet))]
    several = bool(readings) and all(len(found) > 1 for found in readings)
    return Prepared(_stacked([_largest(found) for found in readings]), several)


def find_digits(content: bytes, *, max_pixels: int) -> Page:
    """All digits in an image file; raises InputError, as `decode` does."""
    picture = decode(content, max_pixels=max_pixels)
    exact = _exact(picture.grey)
    if exact is not None:
        box = Box(0, 0, IMAGE_SIDE, IMAGE_SIDE)
        return Page(IMAGE_SIDE, IMAGE_SIDE, [Found(box, exact[None])])
    readings = (marks(sheet) for sheet in sheets(picture.grey))
    digits = [
        Found(_at_full_size(mark.box, picture), _stacked([mark]))
        for mark in next(filter(None, readings), [])
    ]
    return Page(picture.width, picture.height, digits)


def _exact(grey: Grey) -> Grey | None:
    for candidate in (grey, 255 - grey):
        if is_mnist_like(candidate):
            return candidate
    return None


def _largest(found: list[Mark]) -> Mark:
    return max(found, key=lambda mark: mark.box.height)


def _stacked(found: list[Mark]) -> NDArray[np.uint8]:
    if not found:
        return np.zeros((0, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    return np.stack([normalize(mark.ink) for mark in found])


def _at_full_size(box: Box, picture: Picture) -> Box:
    height, width = picture.grey.shape
    down, across = picture.height / height, picture.width / width
    return Box(
        round(box.top * down),
        round(box.left * across),
        round(box.bottom * down),
        round(box.right * across),
    )
