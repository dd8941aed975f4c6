"""Put ink where MNIST puts it: fitted into 20 by 20 pixels, its centre of mass in the middle of 28.

The same that the service does to the images it is sent, so that what is drawn here looks as the
model will meet it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from registry.contract import IMAGE_SIDE

BOX_SIDE = 20

_CENTRE = IMAGE_SIDE // 2
_INK = 0.2


def centred(boxes: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Images uint8 [N, 28, 28] of the ink [N, 20, 20], whose strongest becomes white."""
    rows = _moved_pixels(boxes.sum(2))
    columns = _moved_pixels(boxes.sum(1))
    # The border is what lies outside the box.
    padded = np.pad(boxes, ((0, 0), (1, 1), (1, 1)))
    moved = padded[np.arange(len(boxes))[:, None, None], rows[:, :, None], columns[:, None, :]]
    strongest = boxes.max((1, 2)).clip(1e-6)
    images: NDArray[np.uint8] = (moved * (255 / strongest)[:, None, None]).round().astype(np.uint8)
    return images


def fitted(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box [20, 20] with `ink` [height, width], cropped and scaled, in its middle."""
    inked = ink > _INK * ink.max()
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = cropped.shape
    scale = BOX_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = np.array(Image.fromarray(cropped).resize(size, Image.Resampling.BILINEAR))
    box = np.zeros((BOX_SIDE, BOX_SIDE), np.float32)
    top, left = (BOX_SIDE - size[1]) // 2, (BOX_SIDE - size[0]) // 2
    box[top : top + size[1], left : left + size[0]] = scaled
    return box


def _moved_pixels(ink: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """For each pixel of the image along one axis, which of the padded box to take: [N, 28].

    `ink` [N, 20] is how much lies at each place along that axis of the box.
    """
    mass = ink.sum(1).clip(1e-6)
    centre = ink @ np.arange(BOX_SIDE, dtype=np.float32) / mass
    start = np.round(_CENTRE - centre).clip(0, IMAGE_SIDE - BOX_SIDE).astype(np.intp)
    places: NDArray[np.intp] = np.arange(IMAGE_SIDE) - start[:, None] + 1
    return places.clip(0, BOX_SIDE + 1)
