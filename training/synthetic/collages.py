"""Digits that are none any more: each function draws images uint8 [count, 28, 28].

Plain halves are not among them: half an 8 is a 3 or a 0, and half a 4 a 1.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from registry.contract import IMAGE_SIDE
from training.mnist import Digits
from training.synthetic.framing import BOX_SIDE, centred, fitted

_HALF = BOX_SIDE // 2
_MARGIN = (IMAGE_SIDE - BOX_SIDE) // 2


def numbers(count: int, random: np.random.Generator, digits: Digits) -> NDArray[np.uint8]:
    """Two or three digits next to one another, squeezed into the frame of one."""
    chosen = random.integers(0, len(digits), (count, 3))
    lengths = random.choice([2, 2, 3], count)
    boxes = [
        _in_a_row([digits.images[index] for index in some[:length]], random)
        for some, length in zip(chosen, lengths, strict=True)
    ]
    return centred(np.stack(boxes))


def fragments(count: int, random: np.random.Generator, digits: Digits) -> NDArray[np.uint8]:
    """Quarters of two digits, each turned by a right angle and put anywhere."""
    # A circle or a bar is easily put together again.
    choices = np.flatnonzero(digits.labels > 1)
    chosen = digits.images[choices[random.integers(0, len(choices), (count, 2))]]
    inside = chosen[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN].astype(np.float32)
    quarters = inside.reshape(count, 2, 2, _HALF, 2, _HALF).swapaxes(3, 4)
    quarters = quarters.reshape(count, 8, _HALF, _HALF)
    # To exchange rows and columns, and then to mirror one of them, is to turn one way or the other.
    flipped = quarters.swapaxes(2, 3)
    is_left = random.random((count, 8, 1, 1)) < 0.5
    turned = np.where(is_left, flipped[:, :, ::-1], flipped[..., ::-1])
    order = random.permuted(np.tile(np.arange(8), (count, 1)), axis=1)[:, :4]
    four = turned[np.arange(count)[:, None], order].reshape(count, 2, 2, _HALF, _HALF)
    return centred(four.swapaxes(2, 3).reshape(count, BOX_SIDE, BOX_SIDE))


def _in_a_row(images: list[NDArray[np.uint8]], random: np.random.Generator) -> NDArray[np.float32]:
    cropped = [image[:, image.any(0)] for image in images]
    gap = np.zeros((IMAGE_SIDE, random.integers(0, 4)), np.uint8)
    row = np.hstack([part for image in cropped for part in (image, gap)])
    width = round(row.shape[1] * random.uniform(0.5, 1))
    squeezed = Image.fromarray(row).resize((width, IMAGE_SIDE), Image.Resampling.BILINEAR)
    return fitted(np.asarray(squeezed, np.float32))
