"""Turn the bytes of an image file into a grey image."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from service.errors import InputError, TooLargeError, UnsupportedTypeError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

# A digit that is legible at all is legible at this size; larger images only cost time.
_WORKING_SIDE = 512

# The limit on pixels is `decode`'s own, and an error rather than Pillow's warning.
Image.MAX_IMAGE_PIXELS = None


def decode(content: bytes, *, max_pixels: int) -> NDArray[np.uint8]:
    """The image in `content` as grey uint8 [height, width], upright, at most 512 on a side.

    The image is turned as its EXIF orientation says. Transparent parts become white paper, or
    black where what is drawn is light. Raises InputError for a damaged image, UnsupportedTypeError
    for something else than an image in FORMATS, and TooLargeError, before decoding anything, for
    more than `max_pixels` pixels.
    """
    if not content:
        raise InputError("The body is empty, expected an image.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image, max_pixels)
            # JPEG decodes to a half, a quarter or an eighth at once; other formats ignore this.
            image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
            return _upright_grey(image)
    except UnidentifiedImageError:
        raise UnsupportedTypeError(
            f"The body is not an image in one of the formats {', '.join(FORMATS)}."
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        # Pillow's decoders raise all of these on damaged files.
        raise InputError(f"The image is damaged: {error}.") from None


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeError(
            f"The image has {width} by {height} pixels, more than the {max_pixels:,} allowed; "
            "send a smaller one."
        )


def _upright_grey(image: Image.Image) -> NDArray[np.uint8]:
    image.load()
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        rgba.thumbnail((_WORKING_SIDE, _WORKING_SIDE))
        return _flatten(np.asarray(ImageOps.exif_transpose(rgba)))
    grey = _to_grey(image)
    grey.thumbnail((_WORKING_SIDE, _WORKING_SIDE))
    return np.asarray(ImageOps.exif_transpose(grey))


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        # Pillow would clip these to 255 rather than scale them.
        values = np.asarray(image, np.float64)
        top = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8))
    return image.convert("L")


def _flatten(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a transparent drawing on paper that it stands out from: grey uint8 [height, width]."""
    grey = rgba[..., :3] @ np.array([0.299, 0.587, 0.114])
    alpha = rgba[..., 3] / 255
    drawn = (grey * alpha).sum() / max(alpha.sum(), 1)
    paper = 0 if drawn > 127 and alpha.mean() < 0.5 else 255
    flat = grey * alpha + paper * (1 - alpha)
    on_paper: NDArray[np.uint8] = flat.round().astype(np.uint8)
    return on_paper
