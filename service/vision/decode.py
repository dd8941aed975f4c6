"""Turn the bytes of an image file into a grey image."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from service.errors import InputError, TooLargeError, UnsupportedTypeError

# What the files begin with. The classes are named rather than found by Image.open, which imports
# every format that Pillow knows as soon as it meets one that it does not.
_READERS: tuple[tuple[bytes, Callable[[io.BytesIO], ImageFile]], ...] = (
    (b"\x89PNG", PngImageFile),
    (b"\xff\xd8\xff", JpegImageFile),
    (b"RIFF", WebPImageFile),
    (b"GIF8", GifImageFile),
    (b"BM", BmpImageFile),
)

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

_TRANSPOSES: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""

_LYING = {5, 6, 7, 8}
"""Orientations that exchange width and height."""

# A digit that is legible at all is legible at this size; larger images only cost time.
_WORKING_SIDE = 512

# A progressive JPEG can ask, in 42 bytes a time, for the whole image to be gone over again.
# Programs that write them use about ten scans.
_MAX_JPEG_SCANS = 32
_JPEG_SCAN = b"\xff\xda"

# A colour is looked at instead of the brightness if its range is this many times as wide.
_FAR_WIDER = 1.3

# The limit on pixels is `decode`'s own, and an error rather than Pillow's warning.
Image.MAX_IMAGE_PIXELS = None


class Picture(NamedTuple):
    """An image at working size, upright."""

    grey: NDArray[np.uint8]
    """[height, width], at most 512 on a side."""
    width: int
    """In pixels of the file, turned upright."""
    height: int


def decode(content: bytes, *, max_pixels: int) -> Picture:
    """The image in `content`, grey and upright: of an animation, the first frame.

    The image is turned as its EXIF orientation says. Transparent parts become white paper, or
    black where what is drawn is light. Raises InputError for a damaged image, UnsupportedTypeError
    for something else than an image in FORMATS, and TooLargeError, before decoding anything, for
    more than `max_pixels` pixels.
    """
    reader = _reader(content)
    try:
        with reader(io.BytesIO(content)) as image:
            _check_effort(image, content, max_pixels)
            return _upright(image)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises almost anything on a damaged file
        raise InputError(f"The image is damaged: {str(error) or type(error).__name__}.") from None


def _reader(content: bytes) -> Callable[[io.BytesIO], ImageFile]:
    if not content:
        raise InputError("The body is empty, expected an image.")
    for beginning, reader in _READERS:
        if content.startswith(beginning):
            return reader
    raise UnsupportedTypeError(
        f"The body is not an image in one of the formats {', '.join(FORMATS)}."
    )


def _check_effort(image: ImageFile, content: bytes, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeError(
            f"The image has {width} by {height} pixels, more than the {max_pixels:,} allowed; "
            "send a smaller one."
        )
    if image.format == "JPEG" and content.count(_JPEG_SCAN) > _MAX_JPEG_SCANS:
        raise InputError(
            f"The image is a JPEG file of more than {_MAX_JPEG_SCANS} scans; save it anew."
        )


def _upright(image: ImageFile) -> Picture:
    width, height = image.size
    # JPEG decodes to a half, a quarter or an eighth at once; other formats ignore this.
    image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
    image.load()
    grey = _laid_on_paper(image) if image.has_transparency_data else _grey(image)
    orientation = _orientation(image)
    if orientation in _TRANSPOSES:
        grey = grey.transpose(_TRANSPOSES[orientation])
    if orientation in _LYING:
        width, height = height, width
    return Picture(np.asarray(grey), width, height)


def _orientation(image: ImageFile) -> object:
    """What the file says; an unreadable EXIF block is no reason to refuse it."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - as above
        return None


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        # Pillow would clip these to 255 rather than scale them.
        values = np.asarray(image).clip(0, 65535).astype(np.uint16)
        levels = np.arange(65536) * (255 / max(values.max(), 255))
        return _shrunk(Image.fromarray(levels.clip(0, 255).astype(np.uint8)[values]))
    if image.mode in {"L", "1"}:
        return _shrunk(image.convert("L"))
    return _most_contrasting(_shrunk(image.convert("RGB")))


def _most_contrasting(colours: Image.Image) -> Image.Image:
    """The brightness of an RGB image, or its one colour in which far more stands out.

    Yellow ink on white paper is hardly darker, but holds no blue.
    """
    grey = colours.convert("L")
    small = colours.reduce(4)
    ranges = [high - low for low, high in (*small.getextrema(), small.convert("L").getextrema())]
    widest = ranges.index(max(ranges))
    return colours.getchannel(widest) if ranges[widest] > _FAR_WIDER * ranges[3] else grey


def _laid_on_paper(image: Image.Image) -> Image.Image:
    """Lay a transparent drawing on paper that it stands out from."""
    rgba = _shrunk(image.convert("RGBA"))
    grey, alpha = rgba.convert("L"), rgba.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return grey
    on_black = ImageChops.multiply(grey, alpha)
    drawn, opacity = (int(np.asarray(part.reduce(4)).sum()) for part in (on_black, alpha))
    is_light = drawn * 2 > opacity and 16 * opacity < 127 * alpha.width * alpha.height
    return on_black if is_light else ImageChops.add(on_black, ImageChops.invert(alpha))


def _shrunk(image: Image.Image) -> Image.Image:
    """The image at working size; every pixel counts, so that thin lines fade and do not break."""
    image.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BILINEAR)
    return image
