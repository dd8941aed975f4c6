"""Images for the page, as data URIs."""

import base64
import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from registry.contract import IMAGE_SIDE

# Middle tones, which are seen on light paper as on dark.
NEGATIVE = (59, 122, 176)
POSITIVE = (200, 80, 40)

_COLUMNS = 8
_GAP = 2
_LEVELS = 31


class Sprite(NamedTuple):
    """Many small images in one."""

    uri: str
    width: int
    height: int
    columns: int


def digit(pixels: NDArray[np.uint8]) -> str:
    """One image uint8 [28, 28], black ink on white."""
    return _uri(Image.fromarray(255 - pixels))


def weights(units: NDArray[np.float32], full: float) -> Sprite:
    """Weights [units, 784] as images side by side.

    Zero is transparent; from `-full` and from `full` on, weights have the two full colours.
    """
    columns = min(_COLUMNS, len(units))
    rows = -(-len(units) // columns)
    pitch = IMAGE_SIDE + _GAP
    levels = np.zeros((rows * pitch, columns * pitch), np.int64)
    shares = np.clip(units / (full or 1), -1, 1)
    scaled = np.rint(shares * _LEVELS).astype(np.int64)
    for index, unit in enumerate(scaled):
        top, left = index // columns * pitch, index % columns * pitch
        levels[top : top + IMAGE_SIDE, left : left + IMAGE_SIDE] = unit.reshape(
            IMAGE_SIDE, IMAGE_SIDE
        )
    levels = levels[:-_GAP, :-_GAP]
    image = Image.fromarray((levels + _LEVELS).astype(np.uint8), mode="P")
    image.putpalette([*NEGATIVE * _LEVELS, *POSITIVE * (_LEVELS + 1)])
    opacity = np.abs(np.arange(-_LEVELS, _LEVELS + 1)) * 255 // _LEVELS
    return Sprite(_uri(image, bytes(opacity.tolist())), image.width, image.height, columns)


def _uri(image: Image.Image, opacity: bytes | None = None) -> str:
    """`opacity` is that of each colour of a palette."""
    file = io.BytesIO()
    options = {} if opacity is None else {"transparency": opacity}
    image.save(file, "PNG", optimize=True, **options)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
