"""Turn a grey image of a digit, however it was made, into what MNIST would have made of it.

MNIST's own recipe (LeCun et al., 1998): white ink on black, fitted into 20 by 20 pixels with its
aspect ratio kept, then centred by its centre of mass in 28 by 28.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from registry.contract import IMAGE_SIDE
from service.errors import BlankImageError

_BOX_SIDE = 20
_CENTRE = IMAGE_SIDE // 2

# Of 255. Less contrast than this is paper and noise.
_MIN_CONTRAST = 24

# Share of the strongest ink below which a pixel is paper, and above which it is solid ink.
_PAPER = 0.2
_SOLID = 0.8


def normalize(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The 28 by 28 image uint8 that the model reads, of a grey image [height, width].

    An image that is as MNIST makes them, or its negative, keeps its pixels. Raises BlankImageError
    where no ink stands out from the paper.
    """
    for candidate in (grey, 255 - grey):
        if is_mnist_like(candidate):
            return candidate
    check_not_blank(grey)
    ink = _ink(grey)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _centred(_fitted(cropped))


def check_not_blank(grey: NDArray[np.uint8]) -> None:
    """Raise BlankImageError where no ink can stand out from the paper."""
    if int(grey.max()) - int(grey.min()) < _MIN_CONTRAST:
        raise BlankImageError("The image is blank: nothing in it stands out from the background.")


def is_mnist_like(grey: NDArray[np.uint8]) -> bool:
    """Whether the image is as MNIST's are: true of each of its 70,000, of little else."""
    if grey.shape != (IMAGE_SIDE, IMAGE_SIDE) or grey.max() < 2 * _MIN_CONTRAST:
        return False
    rows, columns = np.flatnonzero(grey.any(1)), np.flatnonzero(grey.any(0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if max(height, width) > _BOX_SIDE:
        return False
    return all(abs(centre - _CENTRE) < 0.6 for centre in _centre_of_mass(grey))


def _ink(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink each pixel holds, from 0 (paper) to 1 (solid)."""
    values = grey.astype(np.float32)
    paper = float(np.median(_border(values)))
    darker, lighter = paper - values.min(), values.max() - paper
    signed = paper - values if darker >= lighter else values - paper
    ink: NDArray[np.float32] = (signed / signed.max() - _PAPER) / (_SOLID - _PAPER)
    return ink.clip(0, 1)


def _border(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _fitted(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale `ink` so that its longer side has 20 pixels."""
    height, width = ink.shape
    scale = _BOX_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Bilinear in Pillow averages over the whole source area: thin strokes fade, they do not break.
    fitted = np.array(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR))
    fitted /= fitted.max()
    return fitted


def _centred(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Place `ink` in 28 by 28 pixels so that its centre of mass is in the middle."""
    canvas = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    top, left = (
        int(np.clip(round(_CENTRE - centre), 0, IMAGE_SIDE - length))
        for centre, length in zip(_centre_of_mass(ink), ink.shape, strict=True)
    )
    height, width = ink.shape
    canvas[top : top + height, left : left + width] = (ink * 255).round()
    return canvas


def _centre_of_mass(image: NDArray[np.uint8] | NDArray[np.float32]) -> tuple[float, float]:
    """Row and column of the centre of mass."""
    weights = image.astype(np.float64)
    total = weights.sum()
    rows, columns = (np.arange(length) for length in image.shape)
    return float(weights.sum(1) @ rows / total), float(weights.sum(0) @ columns / total)
