"""Pictures without lines: empty paper, noise, textures.

Each function draws images uint8 [count, 28, 28]. Some fill the frame, as an image of pixels may;
the others only MNIST's box within it, as the service hands on a picture that is all ink.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_SIDE
from training.synthetic.framing import BOX_SIDE

_Patches = NDArray[np.floating[Any]]
"""Ink [N, 28, 28] from 0 to 1; what lies beyond is cut off."""

_MARGIN = (IMAGE_SIDE - BOX_SIDE) // 2


def blank(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Paper with a few specks, or unevenly lit."""
    return _framed((_specks, _gradient), count, random)


def noise(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Noise of several distributions, sharp or blurred."""
    return _framed((_uniform, _gaussian, _salt_and_pepper, _blurred), count, random)


def textures(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Stripes, checkers and rows of dots, at any angle."""
    return _framed((_stripes, _checkers, _dots), count, random)


def landscapes(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Noise with the spectrum of photographs, 1/f in amplitude (Field, 1987), and hard shadows."""
    return _framed((_pink, _shadows), count, random)


def _framed(
    patterns: Sequence[Callable[[int, np.random.Generator], _Patches]],
    count: int,
    random: np.random.Generator,
) -> NDArray[np.uint8]:
    """As many of each pattern, in a random order, half of them only within the box."""
    parts = np.array_split(np.arange(count), len(patterns))
    patches = np.concatenate(
        [draw(len(part), random) for draw, part in zip(patterns, parts, strict=True)]
    )
    random.shuffle(patches)
    images: NDArray[np.uint8] = (patches.clip(0, 1) * 255).round().astype(np.uint8)
    boxed = images[: count // 2]
    boxed[:, :_MARGIN] = boxed[:, -_MARGIN:] = 0
    boxed[:, :, :_MARGIN] = boxed[:, :, -_MARGIN:] = 0
    return images


def _specks(count: int, random: np.random.Generator) -> _Patches:
    lit = random.random((count, IMAGE_SIDE, IMAGE_SIDE)) < _between(count, random, 0.0, 0.015)
    return lit * _between(count, random, 0.1, 1)


def _gradient(count: int, random: np.random.Generator) -> _Patches:
    along, _ = _turned_axes(count, random)
    shade = _between(count, random, 0.02, 0.6) * (along / IMAGE_SIDE)
    return shade + _between(count, random, 0, 0.4)


def _uniform(count: int, random: np.random.Generator) -> _Patches:
    values = random.random((count, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    return values * _between(count, random, 0.2, 1)


def _gaussian(count: int, random: np.random.Generator) -> _Patches:
    values = random.standard_normal((count, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    return values * _between(count, random, 0.1, 0.5) + _between(count, random, -0.2, 0.7)


def _salt_and_pepper(count: int, random: np.random.Generator) -> _Patches:
    lit = random.random((count, IMAGE_SIDE, IMAGE_SIDE)) < _between(count, random, 0.02, 0.6)
    return lit * _between(count, random, 0.4, 1)


def _blurred(count: int, random: np.random.Generator) -> _Patches:
    """Noise without its details: a Gaussian low-pass filter."""
    cutoff = _between(count, random, 0.04, 0.25)
    values = _filtered(count, random, lambda frequency: np.exp(-((frequency / cutoff) ** 2)))
    return values * _between(count, random, 0.15, 0.8) + _between(count, random, 0, 0.6)


def _pink(count: int, random: np.random.Generator) -> _Patches:
    power = _between(count, random, 0.8, 1.5)
    values = _filtered(count, random, lambda frequency: frequency**-power)
    return values * _between(count, random, 0.15, 0.4) + _between(count, random, 0.2, 0.7)


def _shadows(count: int, random: np.random.Generator) -> _Patches:
    light = _filtered(count, random, lambda frequency: 1 / frequency)
    return (light > _between(count, random, -0.7, 0.7)) * _between(count, random, 0.5, 1)


def _filtered(
    count: int, random: np.random.Generator, response: Callable[[_Patches], _Patches]
) -> _Patches:
    """Noise of mean 0 and deviation 1 whose frequencies, in cycles a pixel, have been weighted."""
    # Twice as large as needed, because a filtered image continues from one edge to the other.
    side = 2 * IMAGE_SIDE
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((count, side, side), np.float32))
    values = np.fft.irfft2(spectrum * response(frequency[None].astype(np.float32)))
    values = values[:, :IMAGE_SIDE, :IMAGE_SIDE].astype(np.float32)
    values /= values.std((1, 2), keepdims=True)
    return values


def _stripes(count: int, random: np.random.Generator) -> _Patches:
    along, _ = _turned_axes(count, random)
    wave = np.sin(along * _between(count, random, 0.7, 2.6) + _between(count, random, 0, 6.3))
    return _sharpened(wave, count, random)


def _checkers(count: int, random: np.random.Generator) -> _Patches:
    along, across = _turned_axes(count, random)
    pitch = _between(count, random, 0.5, 1.6)
    return _sharpened(np.sin(along * pitch) * np.sin(across * pitch), count, random)


def _dots(count: int, random: np.random.Generator) -> _Patches:
    along, across = _turned_axes(count, random)
    pitch = _between(count, random, 0.6, 1.6)
    return _sharpened(np.sin(along * pitch) + np.sin(across * pitch) - 0.8, count, random)


def _sharpened(wave: _Patches, count: int, random: np.random.Generator) -> _Patches:
    """From a soft wave to one with edges, in any shade."""
    values = (wave * _between(count, random, 0.5, 4) + 0.5).clip(0, 1)
    return values * _between(count, random, 0.4, 1)


def _turned_axes(count: int, random: np.random.Generator) -> tuple[_Patches, _Patches]:
    """Two coordinates [count, 28, 28] of each pixel, at right angles, in a frame of any angle."""
    angle = _between(count, random, 0, np.pi)
    y, x = np.mgrid[:IMAGE_SIDE, :IMAGE_SIDE].astype(np.float32)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _between(count: int, random: np.random.Generator, low: float, high: float) -> _Patches:
    return random.uniform(low, high, (count, 1, 1)).astype(np.float32)
