"""Turn the bytes of an image file into a grey image."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from service.errors import InputError, TooLargeError, UnsupportedTypeError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

# What files in FORMATS begin with.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM")

_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""

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
    except InputError:
        raise
    except UnidentifiedImageError:
        if content.startswith(_BEGINNINGS):
            raise InputError("The image is damaged: it ends or breaks off in its header.") from None
        raise UnsupportedTypeError(
            f"The body is not an image in one of the formats {', '.join(FORMATS)}."
        ) from None
    except Exception as error:  # noqa: BLE001 - Pillow raises almost anything on a damaged file
        raise InputError(f"The image is damaged: {str(error) or type(error).__name__}.") from None


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeError(
            f"The image has {width} by {height} pixels, more than the {max_pixels:,} allowed; "
            "send a smaller one."
        )


def _upright_grey(image: Image.Image) -> NDArray[np.uint8]:
    image.load()
    transpose = _orientation(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        rgba.thumbnail((_WORKING_SIDE, _WORKING_SIDE))
        grey = Image.fromarray(_flatten(np.asarray(rgba)))
    else:
        grey = _to_grey(image)
        grey.thumbnail((_WORKING_SIDE, _WORKING_SIDE))
    return np.asarray(grey if transpose is None else grey.transpose(transpose))


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How to turn the image upright; an unreadable EXIF block is no reason to refuse it."""
    try:
        return _TRANSPOSES.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - as above
        return None


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        # Pillow would clip these to 255 rather than scale them.
        step = max(1, max(image.size) // _WORKING_SIDE)
        values = np.asarray(image)[::step, ::step].astype(np.float64)
        values *= 255 / max(values.max(), 255)
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))
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
