"""Pictures that are no digits: those on which a network learns to say so, and others to ask it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.contract import IMAGE_SIDE
from training.mnist import Digits
from training.synthetic import collages, patterns, scribbles, shapes
from training.synthetic.hands import drawn
from training.synthetic.letter_glyphs import LETTER_GLYPHS


class Kind(NamedTuple):
    """One kind of non-digits."""

    draw: Callable[[int, np.random.Generator, Digits], NDArray[np.uint8]]
    """Images uint8 [count, 28, 28], some made of the digits."""
    is_trained: bool
    """Whether networks are trained on it; if not, it shows what they make of the unknown."""


def non_digits(kinds: Sequence[str], count: int, seed: int, digits: Digits) -> NDArray[np.uint8]:
    """`count` images uint8 [count, 28, 28], evenly of all `kinds`, one kind after another.

    What a kind looks like depends on the seed, not on the other kinds. `digits` are what fragments
    and the like are made of.
    """
    images = np.empty((count, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for kind, some in zip(kinds, np.array_split(np.arange(count), len(kinds)), strict=True):
        if len(some):
            images[some] = KINDS[kind].draw(len(some), _random(kind, seed), digits)
    return images


def _random(kind: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *kind.encode()])


def _letters(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    parts = np.array_split(np.arange(count), len(LETTER_GLYPHS))
    return np.concatenate(
        [drawn(glyph, len(part), random) for glyph, part in zip(LETTER_GLYPHS, parts, strict=True)]
    )


def _without_digits(
    draw: Callable[[int, np.random.Generator], NDArray[np.uint8]], *, is_trained: bool
) -> Kind:
    return Kind(lambda count, random, digits: draw(count, random), is_trained)


KINDS: dict[str, Kind] = {
    "blank": _without_digits(patterns.blank, is_trained=True),
    "noise": _without_digits(patterns.noise, is_trained=True),
    "textures": _without_digits(patterns.textures, is_trained=True),
    "scribbles": _without_digits(scribbles.scribbles, is_trained=True),
    "letters": _without_digits(_letters, is_trained=True),
    "fragments": Kind(collages.fragments, is_trained=True),
    "numbers": Kind(collages.numbers, is_trained=True),
    "landscapes": _without_digits(patterns.landscapes, is_trained=False),
    "figures": _without_digits(shapes.figures, is_trained=False),
    "symbols": _without_digits(shapes.symbols, is_trained=False),
    "typed_letters": _without_digits(shapes.typed_letters, is_trained=False),
    "words": _without_digits(shapes.words, is_trained=False),
}

TRAINED_KINDS = tuple(name for name, kind in KINDS.items() if kind.is_trained)
HELD_OUT_KINDS = tuple(name for name, kind in KINDS.items() if not kind.is_trained)
