"""Photographs of what is written on paper, as a telephone takes them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.real_digits.ink import Ink

INKS = {
    "black": (0.12, 0.12, 0.14),
    "pencil": (0.42, 0.42, 0.43),
    "blue": (0.12, 0.18, 0.55),
    "light blue": (0.3, 0.5, 0.85),
    "red": (0.75, 0.15, 0.18),
    "green": (0.1, 0.5, 0.25),
    "orange": (0.93, 0.5, 0.1),
    "yellow": (0.85, 0.72, 0.12),
    "pink": (0.85, 0.4, 0.6),
}


@dataclass(frozen=True)
class Scene:
    """What lies before the camera, and what the camera does to it."""

    ink: str = "black"
    paper: tuple[float, float, float] = (0.78, 0.77, 0.74)
    texture: float = 0.012
    gradient: float = 0.1
    """By how much the far corner is darker than the near one."""
    vignette: float = 0.05
    shadow: float = 0
    """By how much a shadow darkens what lies in it."""
    shadow_edge: float = 30
    """How soft its edge is, in thousandths of the image's side."""
    rule: float = 0
    """How much the printed lines absorb."""
    is_squared: bool = False
    table: float = 0
    """Share of the image's sides that shows the table beyond the paper."""
    blur: float = 0.6
    noise: float = 0.012


def photograph(ink: Ink, scene: Scene, random: np.random.Generator) -> Image.Image:
    """The scene with `ink` on the paper, in colour."""
    height, width = ink.shape
    paper = np.array(scene.paper, np.float32) * (1 + scene.texture * _grain(ink.shape, random))
    if scene.rule:
        lines = _lines(ink.shape, random, is_squared=scene.is_squared)[..., None]
        paper = paper * (1 - lines * scene.rule * np.array([1, 0.7, 0.4], np.float32))
    # Strokes are not of one darkness.
    coverage = (ink * (0.92 + 0.08 * _grain(ink.shape, random)[..., 0]))[..., None].clip(0, 1)
    surface = paper * (1 - coverage) + np.array(INKS[scene.ink], np.float32) * coverage
    if scene.table:
        on_table = _table(ink.shape, scene.table, random)[..., None]
        surface = surface * (1 - on_table) + np.array([0.33, 0.24, 0.18], np.float32) * on_table
    lit = surface * _light(ink.shape, scene, random)[..., None]
    image = Image.fromarray((lit.clip(0, 1) * 255).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(scene.blur * max(width, height) / 640))
    noisy = np.asarray(blurred, np.float32) / 255
    noisy = noisy + scene.noise * random.standard_normal(noisy.shape).astype(np.float32)
    return Image.fromarray((noisy.clip(0, 1) * 255).round().astype(np.uint8))


def _grain(shape: tuple[int, int], random: np.random.Generator) -> Ink:
    """Fine and coarse unevenness of a sheet: [height, width, 1], of deviation one or so."""
    height, width = shape
    fine = random.standard_normal((height // 2 + 1, width // 2 + 1)).astype(np.float32)
    coarse = random.standard_normal((height // 40 + 2, width // 40 + 2)).astype(np.float32)
    both = [
        np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BICUBIC))
        for part in (fine, coarse)
    ]
    grain: Ink = (both[0] + both[1])[..., None]
    return grain


def _light(shape: tuple[int, int], scene: Scene, random: np.random.Generator) -> Ink:
    height, width = shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns / width - 0.5, rows / height - 0.5
    angle = random.uniform(0, 2 * np.pi)
    ramp = (x * np.cos(angle) + y * np.sin(angle)) / 1.4142 + 0.5
    light = (1 - scene.gradient * ramp) * (1 - scene.vignette * (x * x + y * y) * 2)
    if scene.shadow:
        light = light * (1 - scene.shadow * _shadow(shape, scene.shadow_edge, random))
    softened: Ink = light.astype(np.float32)
    return softened


def _shadow(shape: tuple[int, int], edge: float, random: np.random.Generator) -> Ink:
    """Where the shadow of a hand, a head or a book falls: it reaches in from beyond the image."""
    height, width = shape
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    angle, reach = random.uniform(0, 2 * np.pi), random.uniform(-0.25, 0.2)
    middle = np.array([width, height]) / 2
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-normal[1], normal[0]])
    near, far = middle + normal * reach * width, middle + normal * 3 * width
    spread = 3 * width if random.random() < 0.6 else random.uniform(0.3, 0.7) * width
    corners = [
        near - along * spread,
        near + along * spread,
        far + along * spread * 1.3,
        far - along * spread * 1.3,
    ]
    pen.polygon([tuple(corner) for corner in corners], fill=255)
    radius = edge * max(width, height) / 1000
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def _lines(shape: tuple[int, int], random: np.random.Generator, *, is_squared: bool) -> Ink:
    height, width = shape
    sheet = Image.new("L", (2 * width, 2 * height))
    pen = ImageDraw.Draw(sheet)
    spacing = random.uniform(0.06, 0.16) * min(shape)
    thickness = max(1, round(min(shape) * random.uniform(0.002, 0.005)))
    for place in np.arange(random.uniform(0, spacing), 2 * height, spacing):
        pen.line((0, place, 2 * width, place), 255, thickness)
    if is_squared:
        for place in np.arange(random.uniform(0, spacing), 2 * width, spacing):
            pen.line((place, 0, place, 2 * height), 255, thickness)
    turned = sheet.rotate(random.uniform(-4, 4), Image.Resampling.BILINEAR)
    left, top = width // 2, height // 2
    return np.asarray(turned.crop((left, top, left + width, top + height)), np.float32) / 255


def _table(shape: tuple[int, int], share: float, random: np.random.Generator) -> Ink:
    """Where the sheet has ended and the table shows: at one side or two."""
    height, width = shape
    sheet = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(sheet)
    lean = random.uniform(-0.03, 0.03) * width
    edge = share * width
    pen.polygon([(0, 0), (edge + lean, 0), (edge - lean, height), (0, height)], fill=255)
    if random.random() < 0.5:
        edge = share * height
        pen.polygon([(0, 0), (width, 0), (width, edge + lean), (0, edge - lean)], fill=255)
    if random.random() < 0.5:
        sheet = sheet.transpose(Image.Transpose.ROTATE_180)
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(1)), np.float32) / 255
