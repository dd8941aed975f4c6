"""Every kind of image that people send, as functions that make one with its answer."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.real_digits.ink import Hand, Ink, brushed, penned
from benchmarks.real_digits.photographs import INKS, Scene, photograph
from service.vision.components import components
from training.mnist import Digits
from training.synthetic.non_digits import KINDS as NON_DIGITS

OPTICAL_DIGITS = Path(__file__).parent.parent / "data" / "optical-digits.csv.gz"
FONTS = Path("/usr/share/fonts")


class Example(NamedTuple):
    """An image file, and what stands in it: digits, or nothing."""

    content: bytes
    answer: str


@dataclass(frozen=True)
class Source:
    """What examples are made from."""

    digits: Digits
    random: np.random.Generator

    def digit(self) -> tuple[NDArray[np.uint8], str]:
        """One of MNIST's, and its name."""
        index = self.random.integers(len(self.digits))
        return self.digits.images[index], str(self.digits.labels[index])

    def plain_digit(self) -> tuple[NDArray[np.uint8], str]:
        """One whose middle line is its own: no loop is so narrow that ink hides it."""
        while True:
            digit, answer = self.digit()
            holes = {
                len(components(np.pad(digit <= level, 1, constant_values=True)).areas)
                for level in (40, 110, 190)
            }
            if len(holes) == 1:
                return digit, answer

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.random.uniform(low, high))


Make = Callable[[Source], Example]


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def canvas(
    *,
    side: int = 280,
    pen: tuple[float, float] | None = (14, 24),
    size: tuple[float, float] = (0.6, 1.1),
    style: str = "dark",
    file_format: str = "PNG",
) -> Make:
    """A drawing on a canvas; `pen` is between two widths, or None for MNIST's own stroke."""

    def make(source: Source) -> Example:
        digit, answer = source.digit() if pen is None else source.plain_digit()
        height = side * source.between(*size)
        # The digit is 20 of the frame's 28 pixels, and stays on the canvas.
        room = max(0.0, side / 2 - height * 0.42 - side * 0.03)
        centre = tuple(side / 2 + source.between(-room, room) for _ in range(2))
        hand = Hand(height, (centre[0], centre[1]), angle=source.between(-6, 6))
        if pen is None:
            ink = brushed(digit, (side, side), hand)
        else:
            ink = penned(digit, (side, side), hand, source.between(*pen))
        return Example(encoded(_canvas(ink, style, source), file_format), answer)

    return make


def cropped(source: Source) -> Example:
    """A drawing cropped to its ink, without a margin."""
    digit, answer = source.digit()
    ink = brushed(digit, (280, 280), Hand(280, (140, 140)))
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    within = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    style = str(source.random.choice(["dark", "light"]))
    return Example(encoded(_canvas(within, style, source)), answer)


def _canvas(ink: Ink, style: str, source: Source) -> Image.Image:
    level = (ink * 255).round().astype(np.uint8)
    if style == "dark":
        return Image.fromarray(255 - level)
    if style == "light":
        return Image.fromarray(level)
    if style == "coloured":
        paper, pen = (
            np.array([source.between(*span) for _ in range(3)]) for span in ((190, 255), (0, 130))
        )
        mixed = paper + (pen - paper) * ink[..., None]
        return Image.fromarray(mixed.round().astype(np.uint8))
    # Transparent, with dark or light ink.
    colour = np.full((*ink.shape, 3), 0 if style == "transparent" else 255, np.uint8)
    return Image.fromarray(np.dstack([colour, level]))


def photo(
    scene: Scene | Callable[[Source], Scene],
    *,
    width: int = 560,
    size: tuple[float, float] = (0.35, 0.9),
    pen: tuple[float, float] | None = None,
    tilt: float = 0.08,
    quality: tuple[int, int] = (60, 92),
    orientation: bool = False,
) -> Make:
    """A photograph of one digit; `pen` is a share of the digit's height, None for MNIST's own."""

    def make(source: Source) -> Example:
        digit, answer = source.digit() if pen is None else source.plain_digit()
        sheet = (width, width * 3 // 4) if source.random.random() < 0.5 else (width * 3 // 4, width)
        ink = _written(digit, sheet, source, size=size, pen=pen, tilt=tilt)
        taken = scene(source) if callable(scene) else scene
        image = photograph(ink, taken, source.random)
        return Example(_file(image, source, quality, turned=orientation), answer)

    return make


def _written(
    digit: NDArray[np.uint8],
    sheet: tuple[int, int],
    source: Source,
    *,
    size: tuple[float, float],
    pen: tuple[float, float] | None,
    tilt: float,
) -> Ink:
    height = min(sheet) * source.between(*size)
    rooms = [max(0.0, side / 2 - height * 0.45) for side in sheet]
    centre = tuple(
        side / 2 + source.between(-room, room) * 0.8
        for side, room in zip(sheet, rooms, strict=True)
    )
    shear = (source.between(-tilt, tilt), source.between(-tilt, tilt))
    hand = Hand(height, (centre[0], centre[1]), source.between(-8, 8), shear)
    if pen is None:
        return brushed(digit, sheet, hand)
    return penned(digit, sheet, hand, height * source.between(*pen))


def _file(image: Image.Image, source: Source, quality: tuple[int, int], *, turned: bool) -> bytes:
    options = {"quality": int(source.random.integers(*quality))}
    if not turned:
        return encoded(image, "JPEG", **options)
    orientation = int(source.random.choice([3, 6, 8]))
    stored = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image.transpose(stored), "JPEG", exif=exif, **options)


def _coloured(source: Source) -> Scene:
    names = [name for name in INKS if name not in {"black", "pencil"}]
    return Scene(ink=str(source.random.choice(names)), gradient=source.between(0, 0.3))


def _shadowed(edge: tuple[float, float]) -> Callable[[Source], Scene]:
    return lambda source: Scene(
        ink=str(source.random.choice(["black", "blue", "pencil"])),
        shadow=source.between(0.3, 0.55),
        shadow_edge=source.between(*edge),
        gradient=source.between(0, 0.3),
    )


CHALK = Scene(ink="black", paper=(0.16, 0.2, 0.18))


def chalk(source: Source) -> Example:
    """A photograph of chalk on a board: the negative of dark ink, near enough."""
    digit, answer = source.digit()
    ink = _written(digit, (560, 420), source, size=(0.35, 0.9), pen=None, tilt=0.08)
    dark = replace(CHALK, paper=(0.85, 0.82, 0.84), gradient=source.between(0.05, 0.3))
    image = photograph(ink, dark, source.random)
    return Example(encoded(Image.eval(image, lambda value: 255 - value), "JPEG"), answer)


def printed(style: str) -> Make:
    """A digit in one of the machine's typefaces."""

    def make(source: Source) -> Example:
        fonts = font_files()
        digit = int(source.random.integers(10))
        font = ImageFont.truetype(fonts[source.random.integers(len(fonts))], 200)
        left, top, right, bottom = font.getbbox(str(digit))
        sheet = Image.new("L", (320, 320))
        x = (320 - right - left) / 2 + source.between(-25, 25)
        y = (320 - bottom - top) / 2 + source.between(-25, 25)
        ImageDraw.Draw(sheet).text((x, y), str(digit), 255, font)
        scale = source.between(0.15, 1)
        small = sheet.resize((round(320 * scale),) * 2, Image.Resampling.BILINEAR)
        ink = np.asarray(small, np.float32) / 255
        if style == "photo":
            large = np.asarray(sheet, np.float32) / 255
            image = photograph(large, Scene(gradient=source.between(0, 0.3)), source.random)
            return Example(encoded(image, "JPEG", quality=80), str(digit))
        return Example(encoded(_canvas(ink, style, source)), str(digit))

    return make


@cache
def font_files() -> list[str]:
    """The typefaces on this machine that have digits."""
    return sorted(str(file) for file in FONTS.rglob("*.ttf") if _has_digits(str(file)))


def _has_digits(file: str) -> bool:
    """Whether the ten look different: a typeface of icons has one box for all that it lacks."""
    font = ImageFont.truetype(file, 32)
    return len({bytes(font.getmask(str(digit))) for digit in range(10)}) == 10


def mnist(*, negative: bool) -> Make:
    """MNIST's own pixels."""

    def make(source: Source) -> Example:
        digit, answer = source.digit()
        return Example(encoded(Image.fromarray(255 - digit if negative else digit)), answer)

    return make


def optical(side: int) -> Make:
    """The optical digits, of 8 by 8 pixels, enlarged."""

    def make(source: Source) -> Example:
        images, labels = _optical_digits()
        index = source.random.integers(len(labels))
        image = Image.fromarray(images[index]).resize((side, side), Image.Resampling.BICUBIC)
        return Example(encoded(Image.eval(image, lambda value: 255 - value)), str(labels[index]))

    return make


@cache
def _optical_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 [N, 10, 10] with a margin, and labels."""
    with gzip.open(OPTICAL_DIGITS, "rt") as file:
        table = np.array([[int(value) for value in row] for row in csv.reader(file)])
    images = np.pad(table[:, :64].reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return (images * 15.9375).astype(np.uint8), table[:, 64]


def non_digit(kind: str, *, as_photo: bool) -> Make:
    """A picture of something else, drawn or photographed."""

    def make(source: Source) -> Example:
        (image,) = NON_DIGITS[kind].draw(1, source.random, source.digits)
        hand = Hand(300 * source.between(0.5, 0.9), (160, 160))
        ink = brushed(image, (320, 320), hand)
        if not as_photo:
            return Example(encoded(_canvas(ink, "dark", source)), "")
        scene = Scene(gradient=source.between(0, 0.3))
        return Example(encoded(photograph(ink, scene, source.random), "JPEG", quality=80), "")

    return make


def surface(source: Source) -> Example:
    """A photograph of a surface of several tones: of no sheet, and nothing written."""
    random = source.random
    coarse = random.uniform(0, 255, (random.integers(2, 9), random.integers(2, 9), 3))
    image = Image.fromarray(coarse.astype(np.uint8)).resize((400, 300), Image.Resampling.BICUBIC)
    noisy = np.asarray(image, np.float32) + random.normal(0, 6, (300, 400, 3))
    return Example(encoded(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), "JPEG"), "")


def blank(source: Source) -> Example:
    """A sheet with nothing on it, plain or photographed."""
    nothing = np.zeros((300, 400), np.float32)
    style = source.random.integers(4)
    if style == 0:
        return Example(encoded(Image.new("L", (280, 280), int(source.random.integers(256)))), "")
    if style == 1:
        return Example(encoded(Image.new("RGBA", (280, 280))), "")
    scene = Scene(
        gradient=source.between(0, 0.4),
        paper=(0.7, 0.7, 0.7),
        shadow=source.between(0.3, 0.5) if style == 3 else 0,
        shadow_edge=60,
    )
    return Example(encoded(photograph(nothing, scene, source.random), "JPEG", quality=80), "")


def line(*, as_photo: bool, gap: tuple[float, float] = (0.08, 0.5)) -> Make:
    """A number of two to six digits; `gap` is between them, as a share of their height."""

    def make(source: Source) -> Example:
        chosen = [source.digit() for _ in range(source.random.integers(2, 7))]
        height = source.between(70, 130)
        x, boxes = source.between(20, 60), []
        y = source.between(height * 0.7, 240 - height * 0.7)
        for digit, _ in chosen:
            columns = np.flatnonzero((digit > 60).any(0))
            scale = height / 28
            left, right = columns[0] * scale, (columns[-1] + 1) * scale
            hand = Hand(height, (x - left + height / 2, y + source.between(-4, 4)))
            boxes.append((digit, hand))
            x += right - left + height * source.between(*gap)
        sheet = (round(x + 60), 240)
        ink = np.max([brushed(digit, sheet, hand) for digit, hand in boxes], 0)
        answer = "".join(name for _, name in chosen)
        if not as_photo:
            return Example(encoded(_canvas(ink, "dark", source)), answer)
        image = photograph(ink, Scene(gradient=source.between(0, 0.3)), source.random)
        return Example(encoded(image, "JPEG", quality=80), answer)

    return make


CANVASES: dict[str, Make] = {
    "pen": canvas(),
    "thin pen": canvas(pen=(3, 7)),
    "thick pen": canvas(pen=(26, 36)),
    "MNIST's stroke": canvas(pen=None),
    "small, off-centre": canvas(size=(0.2, 0.4), pen=(4, 8)),
    "light on dark": canvas(style="light"),
    "coloured": canvas(style="coloured"),
    "transparent": canvas(style="transparent"),
    "transparent, light": canvas(style="transparent, light"),
    "tiny": canvas(side=48, pen=(2.5, 4)),
    "huge": canvas(side=1800, pen=(40, 150)),
    "JPEG": canvas(file_format="JPEG"),
    "cropped to the ink": cropped,
}

PHOTOS: dict[str, Make] = {
    "even light": photo(Scene()),
    "gradient": photo(lambda source: Scene(gradient=source.between(0.4, 0.65), vignette=0.3)),
    "soft shadow": photo(_shadowed((30, 90))),
    "hard shadow": photo(_shadowed((1, 8))),
    "coloured ink": photo(_coloured),
    "pencil, thin": photo(Scene(ink="pencil", gradient=0.25), pen=(0.02, 0.05)),
    "ballpoint": photo(Scene(ink="blue", gradient=0.25), pen=(0.015, 0.04)),
    "marker": photo(Scene(gradient=0.3), pen=(0.1, 0.16)),
    "ruled paper": photo(
        lambda source: Scene(ink="blue", rule=source.between(0.12, 0.4), gradient=0.2)
    ),
    "squared paper": photo(
        lambda source: Scene(rule=source.between(0.1, 0.35), is_squared=True, gradient=0.2)
    ),
    "noisy JPEG": photo(Scene(noise=0.05, gradient=0.2), quality=(15, 35)),
    "blurred": photo(lambda source: Scene(blur=source.between(2, 4))),
    "turned by EXIF": photo(Scene(gradient=0.3), orientation=True),
    "from aside": photo(Scene(gradient=0.3), tilt=0.22),
    "small on the sheet": photo(Scene(gradient=0.3), size=(0.14, 0.25)),
    "grey paper": photo(Scene(paper=(0.45, 0.45, 0.44), gradient=0.3)),
    "table beyond": photo(lambda source: Scene(table=source.between(0.03, 0.12), gradient=0.2)),
    "chalk": chalk,
}

PRINTED: dict[str, Make] = {
    "dark": printed("dark"),
    "light": printed("light"),
    "colours": printed("coloured"),
    "photo": printed("photo"),
}

OTHERS: dict[str, Make] = {
    "MNIST": mnist(negative=False),
    "MNIST, negative": mnist(negative=True),
    "optical, 10 pixels": optical(10),
    "optical, 160 pixels": optical(160),
}

NOT_DIGITS: dict[str, Make] = {
    **{
        f"{kind}, {'photo' if as_photo else 'drawn'}": non_digit(kind, as_photo=as_photo)
        for kind in NON_DIGITS
        if kind != "blank"
        for as_photo in (False, True)
    },
    "surfaces": surface,
}

BLANKS: dict[str, Make] = {"blank": blank}

LINES: dict[str, Make] = {
    "drawn": line(as_photo=False),
    "photo": line(as_photo=True),
    "close": line(as_photo=False, gap=(0.03, 0.08)),
}
