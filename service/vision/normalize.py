"""Turn the ink of a digit, however it was made, into what MNIST would have made of it.

MNIST's own recipe (LeCun et al., 1998): white ink on black, fitted into 20 by 20 pixels with its
aspect ratio kept, then centred by its centre of mass in 28 by 28.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from registry.contract import IMAGE_SIDE
from service.vision.ink import MIN_CONTRAST, Grey

_BOX_SIDE = 20
_CENTRE = IMAGE_SIDE // 2

# In pixels of the box. A thinner stroke is made wider: MNIST's pens were not so fine.
_THINNEST = 1.5

Strength = NDArray[np.float32]
"""How much ink each pixel holds, 0 to 1: [height, width]."""


def normalize(ink: Grey) -> NDArray[np.uint8]:
    """The 28 by 28 image uint8 that the model reads, of ink [height, width] that fills its frame.

    0 is paper, 255 solid ink.
    """
    return _centred(_fitted(ink))


def is_mnist_like(grey: Grey) -> bool:
    """Whether the image is as MNIST's are: true of each of its 70,000, of little else."""
    if grey.shape != (IMAGE_SIDE, IMAGE_SIDE) or grey.max() < 2 * MIN_CONTRAST:
        return False
    rows, columns = np.flatnonzero(grey.any(1)), np.flatnonzero(grey.any(0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if max(height, width) > _BOX_SIDE:
        return False
    return all(abs(centre - _CENTRE) < 0.6 for centre in _centre_of_mass(grey))


def _fitted(ink: Grey) -> Strength:
    """Scale `ink` so that its longer side has 20 pixels, and no stroke is too thin to be seen."""
    height, width = ink.shape
    scale = _BOX_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(ink)
    # Bilinear in Pillow averages over the whole source area: thin strokes fade, they do not break.
    strength = _strength(image.resize(size, Image.Resampling.BILINEAR))
    missing = min(_THINNEST - _stroke_width(ink) * scale, 1)
    return strength if missing <= 0 else strength + missing * (_wider(image, size) - strength)


def _wider(image: Image.Image, size: tuple[int, int]) -> Strength:
    """The image at `size`, its strokes one pixel wider."""
    twice = image.resize((2 * size[0], 2 * size[1]), Image.Resampling.BILINEAR)
    return _strength(twice.filter(ImageFilter.MaxFilter(3)).reduce(2))


def _strength(image: Image.Image) -> Strength:
    """The image with its strongest ink as 1."""
    strength = np.asarray(image, np.float32)
    return strength / np.float32(strength.max())


def _stroke_width(ink: Grey) -> float:
    """In pixels: the area divided by half the outline."""
    solid = np.pad(ink > 127, 1)
    sides = np.count_nonzero(solid[1:] != solid[:-1])
    sides += np.count_nonzero(solid[:, 1:] != solid[:, :-1])
    # Along a slanted outline there are more sides of pixels than it is long.
    return 2 * np.count_nonzero(solid) / max(0.8 * sides, 1)


def _centred(ink: Strength) -> NDArray[np.uint8]:
    """Place `ink` in 28 by 28 pixels so that its centre of mass is in the middle."""
    canvas = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    top, left = (
        int(np.clip(round(_CENTRE - centre), 0, IMAGE_SIDE - length))
        for centre, length in zip(_centre_of_mass(ink), ink.shape, strict=True)
    )
    height, width = ink.shape
    canvas[top : top + height, left : left + width] = (ink * 255).round()
    return canvas


def _centre_of_mass(image: NDArray[Any]) -> tuple[float, float]:
    """Row and column of the centre of mass."""
    weights = image.astype(np.float64)
    total = weights.sum()
    rows, columns = (np.arange(length) for length in image.shape)
    return float(weights.sum(1) @ rows / total), float(weights.sum(0) @ columns / total)
