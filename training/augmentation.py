"""Distort training images as other hands, pens and papers would have.

Each image gets an affine map (rotation, scale, shear, shift) and an elastic one (Simard, Steinkraus
and Platt, 2003), drawn anew in every epoch, and thicker or thinner strokes.
"""

import math
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from registry.contract import IMAGE_SIDE

AugmentationName = Literal["none", "mild", "strong"]

# The elastic map is smooth: noise on so many points a side, interpolated between them.
_ELASTIC_POINTS = 6

# So many that they stay in a processor's cache.
_AT_ONCE = 100


@dataclass(frozen=True)
class Augmentation:
    """The largest distortions of each kind, drawn evenly up to them; elastic is a deviation."""

    rotation_degrees: float
    scale: float
    shear: float
    shift_pixels: float
    elastic_pixels: float
    thickness: float
    """Share of the way to strokes one pixel wider, or narrower, on each side."""

    def scaled(self, strength: float) -> "Augmentation":
        """The same kinds of distortion, `strength` times as large."""
        return Augmentation(**{name: bound * strength for name, bound in asdict(self).items()})


AUGMENTATIONS: dict[AugmentationName, Augmentation | None] = {
    "none": None,
    "mild": Augmentation(
        rotation_degrees=10,
        scale=0.08,
        shear=0.1,
        shift_pixels=1.0,
        elastic_pixels=0.6,
        thickness=0.3,
    ),
    "strong": Augmentation(
        rotation_degrees=15,
        scale=0.12,
        shear=0.2,
        shift_pixels=1.5,
        elastic_pixels=1.0,
        thickness=0.5,
    ),
}


def augment(
    images: Tensor, augmentation: Augmentation, generator: torch.Generator, out: Tensor
) -> None:
    """Write distorted copies of images uint8 [N, 28, 28] into `out`, of the same shape.

    `out` may be `images`. The distortions depend on the state of `generator` alone, which must be
    a CPU's.
    """
    basis = _basis().to(images.device)
    for some, distorted in zip(
        torch.split(images, _AT_ONCE), torch.split(out, _AT_ONCE), strict=True
    ):
        values = _with_other_pens(some, augmentation.thickness, generator)
        coefficients = _coefficients(len(some), augmentation, generator).to(images.device)
        grid = (coefficients @ basis).view(len(some), 2, IMAGE_SIDE, IMAGE_SIDE)
        warped = functional.grid_sample(
            values.unsqueeze(1), grid.permute(0, 2, 3, 1), align_corners=False
        )
        distorted.copy_(warped.squeeze(1).round_())


def _with_other_pens(images: Tensor, thickness: float, generator: torch.Generator) -> Tensor:
    amount = _evenly((len(images), 1, 1), thickness, generator).to(images.device)
    # A stroke is thinned by widening the paper, that is the ink of the negative.
    negative = torch.where(amount < 0, 255, 0).to(torch.uint8)
    other = _widened(images ^ negative) ^ negative
    return torch.lerp(images.float(), other.float(), amount.abs())


def _widened(images: Tensor) -> Tensor:
    """Each pixel's largest neighbour, itself and the diagonal ones included."""
    wide = images.clone()
    torch.maximum(wide[:, :, 1:], images[:, :, :-1], out=wide[:, :, 1:])
    torch.maximum(wide[:, :, :-1], images[:, :, 1:], out=wide[:, :, :-1])
    tall = wide.clone()
    torch.maximum(tall[:, 1:], wide[:, :-1], out=tall[:, 1:])
    torch.maximum(tall[:, :-1], wide[:, 1:], out=tall[:, :-1])
    return tall


def _coefficients(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """The maps [count * 2, 3 + points²] in terms of `_basis`: x's and y's row by turns."""
    pixel = 2 / IMAGE_SIDE
    angle = _evenly((count,), math.radians(augmentation.rotation_degrees), generator)
    scale = 1 + _evenly((2, count), augmentation.scale, generator)
    shear = _evenly((count,), augmentation.shear, generator)
    shift = _evenly((2, count), augmentation.shift_pixels * pixel, generator)
    cosine, sine = angle.cos(), angle.sin()
    affine = torch.stack(
        [
            torch.stack([cosine * scale[0], -sine * scale[1] + shear, shift[0]], 1),
            torch.stack([sine * scale[0], cosine * scale[1], shift[1]], 1),
        ],
        1,
    )
    elastic = torch.randn((count, 2, _ELASTIC_POINTS**2), generator=generator)
    elastic *= augmentation.elastic_pixels * pixel
    return torch.cat([affine, elastic], 2).flatten(0, 1)


def _basis() -> Tensor:
    """The maps x, y, 1 and a bump at each point of the elastic map: [3 + points², 784].

    All maps are sums of these, so that one product gives the coordinates of all images.
    """
    line = (torch.arange(IMAGE_SIDE) + 0.5) * (2 / IMAGE_SIDE) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    plane = torch.stack([x, y, torch.ones_like(x)])
    points = torch.eye(_ELASTIC_POINTS**2).view(-1, 1, _ELASTIC_POINTS, _ELASTIC_POINTS)
    bumps = functional.interpolate(
        points, size=(IMAGE_SIDE, IMAGE_SIDE), mode="bicubic", align_corners=True
    )
    return torch.cat([plane, bumps.squeeze(1)]).flatten(1)


def _evenly(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2 - 1) * bound
