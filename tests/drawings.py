"""Images as people send them, made from a digit of MNIST."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def drawing(digit: NDArray[np.uint8], *, ink: int = 0, paper: int = 255) -> Image.Image:
    """A grey drawing of 280 by 280 pixels of a white-on-black `digit` uint8 [28, 28]."""
    strength = np.asarray(Image.fromarray(digit).resize((280, 280)), np.float64) / 255
    return Image.fromarray((paper + (ink - paper) * strength).round().astype(np.uint8))


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()
