"""Tell ink from paper: how much of it each pixel of a grey image holds, in any light."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grey = NDArray[np.uint8]
"""[height, width]."""

# Of 255. Less contrast than this is paper and noise.
MIN_CONTRAST = 24

# Paper of one tone differs from its median by less than this share of the ink's contrast, ...
_EVEN = 0.12
# ... or at this share of the border not at all, where a drawing was cropped within its ink.
_EXACTLY_EVEN = 0.5

# Light changes slowly: it is looked at in an image of at most this side, ...
_LIGHT_SIDE = 128
# ... in which no stroke is wider than this share of the shorter side.
_WIDEST_STROKE = 0.2

# Where the asymmetry of an image is beyond this, it is plain whether ink is darker than paper.
_PLAIN = 1.0


class Sheet(NamedTuple):
    """One way to tell ink from paper."""

    ink: Grey
    """How far each pixel is from paper to black ink, 0 to 255."""
    is_even: bool
    """Whether the paper has one tone, as drawn images have and photographs have not."""


def sheets(grey: Grey) -> list[Sheet]:
    """The ways to tell ink from paper, none where nothing stands out.

    Where the border of the image is of one tone, that is the paper. Elsewhere the light is uneven:
    paper is then what is lighter, or else darker, than all strokes nearby. Where it is not plain
    which, both are given, the likelier first.
    """
    if int(grey.max()) - int(grey.min()) < MIN_CONTRAST:
        return []
    return [_drawn(grey)] if _is_even(grey) else _photographed(grey)


def _border(grey: Grey) -> Grey:
    """The tones at the edges of the image, the darkest first."""
    return np.sort(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))


def _is_even(grey: Grey) -> bool:
    border = _border(grey)
    low, paper, high = (int(border[int(share * len(border))]) for share in (0.05, 0.5, 0.95))
    contrast = max(paper - int(grey.min()), int(grey.max()) - paper)
    if high - low <= _EVEN * contrast:
        return True
    first, beyond = np.searchsorted(border, (max(paper - 1, 0), paper + 2))
    return bool(beyond - first >= _EXACTLY_EVEN * len(border))


def _drawn(grey: Grey) -> Sheet:
    """Ink by how far it is from the tone of the border, on the side where that is farther."""
    border = _border(grey)
    paper = int(border[len(border) // 2])
    tones = np.arange(256)
    is_dark = paper - int(grey.min()) >= int(grey.max()) - paper
    return Sheet(with_levels(grey, paper - tones if is_dark else tones - paper), True)


def _photographed(grey: Grey) -> list[Sheet]:
    asymmetry = _asymmetry(grey)
    likelier, other = (grey, 255 - grey) if asymmetry < 0 else (255 - grey, grey)
    tones = [likelier] if abs(asymmetry) > _PLAIN else [likelier, other]
    either = [Sheet(_flattened(each), False) for each in tones]
    return [sheet for sheet in either if sheet.ink.max() >= MIN_CONTRAST]


def _asymmetry(grey: Grey) -> float:
    """How much rarer light is than dark: the skewness of each place against its surroundings.

    There is less ink than paper, so it is negative where ink is dark.
    """
    small = _small(grey)
    around = small.filter(ImageFilter.BoxBlur(min(small.size) * _WIDEST_STROKE))
    both = (np.log(np.asarray(part, np.float32) + 4) for part in (small, around))
    contrast = np.subtract(*both)
    contrast -= np.median(contrast)
    squares = contrast * contrast
    return float((squares * contrast).mean() / max(squares.mean(), 1e-6) ** 1.5)


def with_levels(grey: Grey, levels: NDArray[Any]) -> Grey:
    """`grey` with each of the 256 tones replaced by its level, at most 255 and at least 0."""
    table = levels.clip(0, 255).astype(np.uint8).tobytes()
    # Half of what indexing with an array costs.
    return np.frombuffer(grey.tobytes().translate(table), np.uint8).reshape(grey.shape)


def _flattened(grey: Grey) -> Grey:
    """Ink by the share of the light that it takes from the paper around it."""
    height, width = grey.shape
    small = np.asarray(_small(grey))
    light = Image.fromarray(_closed(small, round(min(small.shape) * _WIDEST_STROKE)))
    paper = np.asarray(light.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    taken = 255 - grey * (np.float32(255) / np.maximum(paper, 1))
    return taken.clip(0, 255).astype(np.uint8)


def _small(grey: Grey) -> Image.Image:
    return Image.fromarray(grey).reduce(-(-max(grey.shape) // _LIGHT_SIDE))


def _closed(grey: Grey, reach: int) -> Grey:
    """`grey` without what is dark and narrower than `reach`: a morphological closing."""
    lightest = _extreme(np.pad(grey, reach, mode="edge"), reach, np.maximum)
    return _extreme(lightest, reach, np.minimum)


def _extreme(grey: Grey, reach: int, choose: np.ufunc) -> Grey:
    """The extreme of each `reach` + 1 pixels in a row and column; smaller by `reach`."""
    for _ in range(2):
        grey = grey.T
        width, missing = 1, reach
        while missing:
            # What `width` neighbours have is known, so of twice as many.
            step = min(width, missing)
            grey = choose(grey[:-step], grey[step:])
            width, missing = width + step, missing - step
    return grey
