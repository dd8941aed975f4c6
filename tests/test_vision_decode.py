import contextlib
import struct
import subprocess
import sys
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.errors import InputError, TooLargeError, UnsupportedTypeError
from service.vision.decode import FORMATS, decode
from tests.drawings import encoded
from tests.programs import ROOT

LIMIT = 1_000_000

Image.init()
WRITABLE = set(Image.SAVE)
# A JPEG of several pictures goes by another name.
SUBSETS = {"MPO"}


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    """Dark at the left, light at the right; darker at the top."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray((columns * 4 + rows).astype(np.uint8))


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_is_read(file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    grey = decode(encoded(gradient(), file_format, **options), max_pixels=LIMIT).grey

    assert grey.shape == (30, 40)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - np.asarray(gradient())).max() <= 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "RGBA", "LA", "I;16"])
def test_every_colour_mode_is_read(mode: str) -> None:
    half = Image.fromarray(np.repeat([[0, 255]], [20, 20], 1).repeat(30, 0).astype(np.uint8))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(half).astype(np.uint16) * 257)
    else:
        image = half.convert(mode)
    file_format = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"

    grey = decode(encoded(image, file_format), max_pixels=LIMIT).grey

    assert grey[:, 2:12].max() < 10
    assert grey[:, -12:-2].min() > 245


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation: int) -> None:
    upright = gradient()
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation

    grey = decode(encoded(stored, "PNG", exif=exif), max_pixels=LIMIT).grey

    assert np.array_equal(grey, np.asarray(upright))


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)], ids=["dark ink", "light ink"])
def test_transparent_drawing_stands_out_from_its_paper(ink: int, paper: int) -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[10:30, 18:22] = (ink, ink, ink, 255)

    grey = decode(encoded(Image.fromarray(pixels)), max_pixels=LIMIT).grey

    assert grey[20, 20] == ink
    assert grey[0, 0] == paper


def test_large_image_is_read_at_a_working_size() -> None:
    grey = decode(encoded(Image.new("L", (2000, 1000), 7), "JPEG"), max_pixels=2_000_000).grey

    assert max(grey.shape) <= 512
    assert grey.shape[1] == 2 * grey.shape[0]


@pytest.mark.parametrize("size", [(10_000, 5_000), (2**31 - 1, 2**31 - 1)], ids=["50 MP", "bomb"])
def test_too_many_pixels_are_refused_before_decoding(size: tuple[int, int]) -> None:
    # Whoever decoded this would find it damaged.
    header = struct.pack(">2I5B", *size, 8, 0, 0, 0, 0)
    content = png_of([(b"IHDR", header), (b"IDAT", b"")])

    with pytest.raises(TooLargeError, match=f"{size[0]} by {size[1]} pixels"):
        decode(content, max_pixels=25_000_000)


@pytest.mark.parametrize(
    "content", [b"x", b"<svg></svg>", b"%PDF-1.7", b"\x00" * 784, b"II*\x00" + bytes(100)]
)
def test_other_than_an_image_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedTypeError, match="PNG, JPEG"):
        decode(content, max_pixels=LIMIT)


@pytest.mark.parametrize("file_format", FORMATS)
def test_image_without_its_end_is_damaged_not_unknown(file_format: str) -> None:
    content = encoded(gradient(), file_format)

    for length in (8, 12, len(content) // 4):
        with pytest.raises(InputError, match="damaged") as refusal:
            decode(content[:length], max_pixels=LIMIT)
        assert refusal.value.status == 400


def test_palette_image_without_palette_is_damaged() -> None:
    content = encoded(gradient().convert("P"))
    start = content.index(b"PLTE") - 4
    length = struct.unpack(">I", content[start : start + 4])[0]

    with pytest.raises(InputError, match="damaged"):
        decode(content[:start] + content[start + 12 + length :], max_pixels=LIMIT)


def test_unreadable_exif_is_no_reason_to_refuse() -> None:
    content = encoded(gradient(), "PNG", exif=b"Exif\x00\x00no TIFF at all")

    assert decode(content, max_pixels=LIMIT).grey.shape == (30, 40)


@pytest.mark.parametrize("top", [4095, 65535])
def test_deep_grey_is_scaled_by_its_own_range(top: int) -> None:
    values = (np.asarray(gradient(), np.float64) / 255 * top).astype(np.uint16)

    grey = decode(encoded(Image.fromarray(values)), max_pixels=LIMIT).grey

    assert grey.max() == 255


def test_picture_says_how_large_the_file_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    picture = decode(encoded(gradient(1000, 600), "JPEG", exif=exif), max_pixels=LIMIT)

    assert (picture.width, picture.height) == (600, 1000)
    assert picture.grey.shape == (512, 307)


def test_animation_is_read_by_its_first_frame() -> None:
    frames = [Image.new("L", (40, 30), grey) for grey in (200, 100, 0)]

    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert (decode(content, max_pixels=LIMIT).grey == 200).all()


@pytest.mark.parametrize("ink", ["yellow", "cyan", "magenta", "orange", "red", "blue", "black"])
def test_ink_of_any_colour_stands_out(ink: str) -> None:
    drawing = Image.new("RGB", (200, 200), "white")
    drawing.paste(ink, (80, 20, 120, 180))

    grey = decode(encoded(drawing), max_pixels=LIMIT).grey

    assert grey[0, 0] - grey[100, 100] > 150


def test_jpeg_of_many_scans_is_refused() -> None:
    content = encoded(gradient(), "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]

    assert decode(content, max_pixels=LIMIT).grey.size > 0
    with pytest.raises(InputError, match="scans"):
        decode(content[:-2] + last_scan * 100 + content[-2:], max_pixels=LIMIT)


@pytest.mark.parametrize("file_format", FORMATS)
def test_limit_on_pixels_holds_for_every_format(file_format: str) -> None:
    content = encoded(Image.new("L", (600, 500)), file_format)

    with pytest.raises(TooLargeError, match="600 by 500"):
        decode(content, max_pixels=600 * 500 - 1)


def test_no_other_format_is_even_loaded() -> None:
    files = [written(name) for name in (*FORMATS, "TIFF", "ICO", "PPM")]
    program = (
        "import contextlib, sys\n"
        "from service.errors import InputError\n"
        "from service.vision.decode import decode\n"
        f"for content in {files!r}:\n"
        "    with contextlib.suppress(InputError):\n"
        "        decode(content, max_pixels=10**6)\n"
        "print(*[name for name in sys.modules if name.endswith('ImagePlugin')])"
    )

    output = subprocess.run(
        [sys.executable, "-"], input=program, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    readers = {"Png", "Jpeg", "WebP", "Gif", "Bmp"}
    assert set(output.split()) == {f"PIL.{reader}ImagePlugin" for reader in readers}


def test_empty_body_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        decode(b"", max_pixels=LIMIT)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_truncated_image_is_called_damaged(file_format: str) -> None:
    content = encoded(gradient(200, 200), file_format)

    with pytest.raises(InputError, match="damaged"):
        decode(content[: len(content) // 2], max_pixels=LIMIT)


@given(
    file_format=st.sampled_from(FORMATS),
    damage=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=20),
    cut=st.integers(1, 5000),
)
def test_damaged_image_is_read_or_refused(
    file_format: str, damage: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(encoded(gradient(), file_format))
    for place, value in damage:
        content[place % len(content)] = value

    try:
        grey = decode(bytes(content[:cut]), max_pixels=LIMIT).grey
    except InputError:
        return
    assert grey.dtype == np.uint8
    assert grey.ndim == 2
    assert grey.size > 0


@cache
def written(file_format: str) -> bytes:
    """A file of any format that Pillow can write; empty where it writes no such image."""
    with contextlib.suppress(Exception):
        return encoded(gradient().convert("RGB"), file_format)
    return b""


@pytest.mark.parametrize("file_format", sorted(WRITABLE - set(FORMATS)))
def test_other_formats_that_pillow_writes_are_refused(file_format: str) -> None:
    content = written(file_format)
    if file_format in SUBSETS:
        assert decode(content, max_pixels=LIMIT).width == 40
        return

    with pytest.raises(UnsupportedTypeError):
        decode(content or b"nothing", max_pixels=LIMIT)


@given(
    file_format=st.sampled_from(sorted(WRITABLE)),
    damage=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=20),
    cut=st.integers(0, 5000),
)
def test_damaged_file_of_any_kind_is_read_or_refused(
    file_format: str, damage: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(written(file_format) or b"\0")
    for place, value in damage:
        content[place % len(content)] = value

    with contextlib.suppress(InputError):
        assert decode(bytes(content[:cut]), max_pixels=LIMIT).grey.size > 0


@given(
    kind=st.sampled_from([b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"tEXt", b"IEND"]),
    mode=st.sampled_from(["L", "P", "RGBA", "1"]),
    place=st.integers(0, 100),
    value=st.integers(0, 255),
)
def test_png_with_a_changed_chunk_is_read_or_refused(
    kind: bytes, mode: str, place: int, value: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    chunks = chunks_of(encoded(gradient().convert(mode), "PNG", exif=exif))
    changed = [
        (name, with_byte(body, place, value) if name == kind else body) for name, body in chunks
    ]

    with contextlib.suppress(InputError):
        assert decode(png_of(changed), max_pixels=LIMIT).grey.size > 0


def with_byte(body: bytes, place: int, value: int) -> bytes:
    """`body` with one byte changed; its length, too, where `place` is beyond the end."""
    return body[:place] + bytes([value]) + body[place + 1 :]


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of the chunks of a PNG file."""
    chunks, start = [], 8
    while start < len(png):
        (length,) = struct.unpack(">I", png[start : start + 4])
        chunks.append((png[start + 4 : start + 8], png[start + 8 : start + 8 + length]))
        start += 12 + length
    return chunks


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of `chunks`, with checksums that are right."""
    file = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        file += struct.pack(">I", len(body)) + name + body + checksum
    return file


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert decode(content, max_pixels=LIMIT).grey.size > 0
