"""Lines that mean nothing: each function draws images uint8 [count, 28, 28] in MNIST's frame."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.synthetic.strokes import Pens, Stroke, drawings

_POINTS = 40


def scribbles(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Tangles, wandering lines and zigzags, long enough to be no digit by chance, and blots."""
    lines = (_tangles, _wanderings, _zigzags)
    *parts, blots = np.array_split(np.arange(count), len(lines) + 1)
    images = [
        drawings(draw(len(part), random), _pens(len(part), random))
        for draw, part in zip(lines, parts, strict=True)
    ]
    return np.concatenate([*images, _blots(len(blots), random)])


def _tangles(count: int, random: np.random.Generator) -> list[Stroke]:
    """One closed line that turns around several times: sums of sines of x and of y."""
    time = np.linspace(0, 2 * np.pi, _POINTS + 1, dtype=np.float32)
    # With one frequency only it would be an ellipse, which is a 0.
    frequency = random.permuted(np.tile(np.arange(1, 6), (count, 1, 2, 1)), axis=3)[..., :3]
    phase = random.uniform(0, 2 * np.pi, (count, 1, 2, 3))
    size = random.uniform(0.5, 1, (count, 1, 2, 3))
    waves = size * np.sin(frequency * time[:, None, None] + phase)
    return [waves.sum(3).astype(np.float32)]


def _wanderings(count: int, random: np.random.Generator) -> list[Stroke]:
    """Three lines whose direction drifts."""
    strokes = []
    for _ in range(3):
        turns = random.normal(0, 0.35, (count, _POINTS // 2)) + random.normal(0, 0.25, (count, 1))
        direction = random.uniform(0, 2 * np.pi, (count, 1)) + turns.cumsum(1)
        steps = np.stack([np.cos(direction), np.sin(direction)], 2)
        start = random.uniform(-8, 8, (count, 1, 2))
        strokes.append((start + steps.cumsum(1)).astype(np.float32))
    return strokes


def _zigzags(count: int, random: np.random.Generator) -> list[Stroke]:
    """To and fro, often at random and often as one blackens a surface."""
    turns = 9
    regular = np.stack([np.arange(turns) % 2 * 8.0, np.arange(turns)], 1)
    disorder = random.uniform(0.3, 3, (count, 1, 1)) * random.standard_normal((count, turns, 2))
    angle = random.uniform(0, 2 * np.pi, count)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [((regular + disorder) @ rotation.transpose(2, 0, 1)).astype(np.float32)]


def _blots(count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Five points of ink, or only one, which becomes as large as a digit when it is fitted."""
    is_one = random.random(count) < 0.3
    spread = np.where(is_one, 0, 1)[:, None, None]
    places = (random.standard_normal((count, 5, 2)) * spread).astype(np.float32)
    radius = random.uniform(0.8, 3.5, count) * np.where(is_one, 2.8, 1)
    pens = replace(_pens(count, random), radius=radius.astype(np.float32))
    return drawings([np.repeat(places[:, [number]], 2, axis=1) for number in range(5)], pens)


def _pens(count: int, random: np.random.Generator) -> Pens:
    return Pens(
        radius=random.uniform(0.4, 1.6, count).astype(np.float32),
        softness=random.uniform(1, 2, count).astype(np.float32),
        contrast=np.zeros(count, np.float32),
        is_square=np.zeros(count, np.bool_),
    )
