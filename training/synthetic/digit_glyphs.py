"""The digits in the forms in which people print and write them.

Each function draws one form, with the measures of as many hands as are to draw it.
"""

import numpy as np

from training.synthetic.hands import Glyph, Hands
from training.synthetic.strokes import Stroke


def _zero(hands: Hands) -> list[Stroke]:
    return [hands.ring(0, 0.5, hands.vary(0.2, 0.42), 0.5)]


def _slashed_zero(hands: Hands) -> list[Stroke]:
    width, reach = hands.vary(0.25, 0.4), hands.vary(0.5, 1.3)
    x, y = width * reach * 0.8, reach * 0.36
    return [hands.ring(0, 0.5, width, 0.5), hands.line((-x, 0.5 + y), (x, 0.5 - y))]


def _dotted_zero(hands: Hands) -> list[Stroke]:
    size = hands.vary(0.0, 0.06)
    dot = hands.line((0, 0.5 - size), (0, 0.5 + size))
    return [hands.ring(0, 0.5, hands.vary(0.27, 0.4), 0.5), dot]


def _bar_one(hands: Hands) -> list[Stroke]:
    return [hands.line((0, 0), (0, 1))]


def _flagged_one(hands: Hands) -> list[Stroke]:
    x, y = hands.vary(0.12, 0.35), hands.vary(0.12, 0.4)
    return [hands.line((-x, y), (0, 0), (0, 1))]


def _one_on_a_foot(hands: Hands) -> list[Stroke]:
    flag, foot = hands.vary(0.12, 0.3), hands.vary(0.12, 0.32)
    y = hands.vary(0.03, 0.3)
    return [hands.line((-flag, y), (0, 0), (0, 1)), hands.line((-foot, 1), (foot, 1))]


def _two(hands: Hands) -> list[Stroke]:
    """A round top, a neck that may bend, and a straight base."""
    width, top, bend = hands.vary(0.22, 0.34), hands.vary(0.22, 0.32), hands.vary(-0.02, 0.12)
    head = hands.arc(0, top, width, top, 190, 380)
    neck = (-width * 0.1 + bend * 0.3, 0.72 - bend * 0.5)
    return [hands.line(head, neck, (-width, 1), (width * hands.vary(0.95, 1.15), 1))]


def _curved_two(hands: Hands) -> list[Stroke]:
    """A neck that leaves the head and reaches the base in an arc each."""
    width, top = hands.vary(0.22, 0.34), hands.vary(0.24, 0.3)
    head = hands.arc(0, top, width, top, 190, 400)
    foot = hands.arc(width * 0.5, 1, width * 1.5, 0.36, 240, 180)
    return [hands.line(head, foot, (width * hands.vary(0.9, 1.2), 1))]


def _looped_two(hands: Hands) -> list[Stroke]:
    width, top, loop = hands.vary(0.22, 0.32), hands.vary(0.22, 0.28), hands.vary(0.06, 0.11)
    head = hands.arc(0, top, width, top, 190, 390)
    knot = hands.arc(-width * 0.8, 0.9, loop * 1.3, loop, 60, 300)
    tail = hands.arc(width * 0.7, 0.82, width * 0.8, 0.16, 140, 40)
    return [hands.line(head, knot, tail)]


def _three(hands: Hands) -> list[Stroke]:
    waist = hands.vary(0.42, 0.5)
    width = hands.vary(0.22, 0.34)
    upper = hands.arc(0, waist / 2, width * hands.vary(0.8, 1), waist / 2, 195, 450)
    lower = hands.arc(0, (1 + waist) / 2, width, (1 - waist) / 2, 270, 525)
    return [upper, hands.line((-width * hands.vary(0, 0.5), waist), (0, waist)), lower]


def _pinched_three(hands: Hands) -> list[Stroke]:
    """Two bowls that meet in a point, as in a fast hand."""
    width, waist, pinch = hands.vary(0.24, 0.34), hands.vary(0.4, 0.5), hands.vary(-0.05, 0.12)
    upper = hands.arc(0, waist / 2, width * 0.9, waist / 2, 200, 420)
    lower = hands.arc(0, (1 + waist) / 2, width, (1 - waist) / 2, 300, 520)
    return [hands.line(upper, (-pinch, waist), lower)]


def _flat_three(hands: Hands) -> list[Stroke]:
    width, waist = hands.vary(0.24, 0.34), hands.vary(0.36, 0.46)
    bowl = hands.arc(0, (1 + waist) / 2, width, (1 - waist) / 2, 275, 525)
    neck = (-width * hands.vary(0.1, 0.4), waist)
    return [hands.line((-width, 0), (width * 0.9, 0), neck, bowl)]


def _closed_four(hands: Hands) -> list[Stroke]:
    stem, bar, beyond = hands.vary(0.36, 0.5), hands.vary(0.6, 0.76), hands.vary(0.0, 0.18)
    top = stem - hands.vary(0, 0.04)
    return [
        hands.line((top, 0), (0, bar), (stem + beyond, bar)),
        hands.line((stem, 0), (stem, 1)),
    ]


def _footed_four(hands: Hands) -> list[Stroke]:
    stem, foot = hands.vary(0.36, 0.46), hands.vary(0.08, 0.16)
    bar = hands.vary(0.66, 0.76)
    return [
        hands.line((stem, 0), (0, bar), (stem + foot, bar)),
        hands.line((stem, 0), (stem, 1)),
        hands.line((stem - foot, 1), (stem + foot, 1)),
    ]


def _open_four(hands: Hands) -> list[Stroke]:
    lean, bar, stem = hands.vary(0, 0.16), hands.vary(0.45, 0.65), hands.vary(0.3, 0.45)
    above = hands.vary(-0.05, 0.3)
    return [
        hands.line((lean, 0), (0, bar), (stem + hands.vary(0, 0.15), bar)),
        hands.line((stem, above), (stem - hands.vary(0, 0.08), 1)),
    ]


def _five(hands: Hands) -> list[Stroke]:
    width, waist = hands.vary(0.24, 0.32), hands.vary(0.4, 0.48)
    lean, height = hands.vary(0, 0.08), (1 - waist + 0.06) / 2
    bowl = hands.arc(0, 1 - height, width, height, 235, 515)
    return [
        hands.line(
            (width * hands.vary(0.7, 1), 0), (-width + lean, 0), (-width, waist + 0.05), bowl
        )
    ]


def _cornered_five(hands: Hands) -> list[Stroke]:
    """A bowl that begins as a straight line, and a bar that is a stroke of its own."""
    width, waist, rise = hands.vary(0.24, 0.34), hands.vary(0.36, 0.48), hands.vary(0, 0.06)
    bowl = hands.arc(0, (1 + waist) / 2, width, (1 - waist) / 2, 280, 520)
    bar = hands.line((-width, 0), (width * hands.vary(0.8, 1.3), -rise))
    return [bar, hands.line((-width, 0), (-width, waist), bowl)]


def _curved_six(hands: Hands) -> list[Stroke]:
    width, bowl = hands.vary(0.22, 0.34), hands.vary(0.27, 0.34)
    spine = hands.arc(0, 0.5, width, 0.5, 315, 180)
    return [hands.line(spine, (-width, 1 - bowl)), hands.ring(0, 1 - bowl, width, bowl)]


def _straight_six(hands: Hands) -> list[Stroke]:
    width, bowl, lean = hands.vary(0.24, 0.32), hands.vary(0.26, 0.32), hands.vary(-0.1, 0.25)
    spine = hands.line((lean, 0), hands.arc(0, 1 - bowl, width, bowl, 200, 180))
    return [spine, hands.ring(0, 1 - bowl, width, bowl)]


def _curled_six(hands: Hands) -> list[Stroke]:
    """A spiral: the bowl ends within the spine, or does not reach it."""
    width, bowl = hands.vary(0.2, 0.3), hands.vary(0.18, 0.26)
    spine = hands.line((width * hands.vary(0.2, 1), 0), hands.arc(0, 0.65, width, 0.35, 200, 90))
    close = hands.arc(0, 1 - bowl, width * hands.vary(0.8, 1), bowl, 90, -140)
    return [hands.line(spine, close)]


def _seven(hands: Hands) -> list[Stroke]:
    width, foot = hands.vary(0.45, 0.62), hands.vary(0.05, 0.35)
    return [hands.line((0, 0), (width, 0), (foot, 1))]


def _curved_seven(hands: Hands) -> list[Stroke]:
    width, tick = hands.vary(0.45, 0.62), hands.vary(-0.05, 0.18)
    stem = hands.arc(width, 1.05, width * hands.vary(0.5, 0.9), 1, 260, 185)
    return [hands.line((0, np.maximum(tick, 0)), (0, 0), (width, 0), stem)]


def _crossed_seven(hands: Hands) -> list[Stroke]:
    width, foot, y = hands.vary(0.45, 0.62), hands.vary(0.08, 0.3), hands.vary(0.42, 0.56)
    x, reach, tick = width + (foot - width) * y, hands.vary(0.12, 0.24), hands.vary(-0.1, 0.12)
    return [
        hands.line((0, np.maximum(tick, 0)), (0, 0), (width, 0), (foot, 1)),
        hands.line((x - reach, y), (x + reach, y)),
    ]


def _eight(hands: Hands) -> list[Stroke]:
    width, waist = hands.vary(0.24, 0.36), hands.vary(0.42, 0.5)
    upper, lower, narrow = waist / 2, (1 - waist) / 2, width * hands.vary(0.75, 1)
    return [hands.ring(0, upper, narrow, upper), hands.ring(0, 1 - lower, width, lower)]


def _crossing_eight(hands: Hands) -> list[Stroke]:
    """One stroke that crosses itself, and may not quite come back to where it began."""
    width, waist = hands.vary(0.2, 0.3), hands.vary(0.42, 0.52)
    upper = hands.arc(0, waist * 0.45, width * hands.vary(0.7, 1), waist * 0.45, 330, 150)
    lower = hands.arc(0, (1 + waist) / 2, width, (1 - waist) / 2, 330, 570)
    end = (width * hands.vary(0.4, 1), hands.vary(0.1, 0.3))
    return [hands.line(upper, lower, end)]


def _straight_nine(hands: Hands) -> list[Stroke]:
    """A bowl, and a stem as straight as that of a 1."""
    width, bowl, foot = hands.vary(0.22, 0.3), hands.vary(0.22, 0.32), hands.vary(-0.25, 0.02)
    stem = hands.line((width, hands.vary(0, 0.2)), (width, bowl), (width + foot, 1))
    return [hands.ring(0, bowl, width, bowl), stem]


def _hooked_nine(hands: Hands) -> list[Stroke]:
    width, bowl, hook = hands.vary(0.22, 0.3), hands.vary(0.22, 0.3), hands.vary(0.15, 0.3)
    tail = hands.arc(0, 1 - hook, width, hook, 0, 140)
    return [hands.ring(0, bowl, width, bowl), hands.line((width, bowl * 0.5), tail)]


def _turned(glyph: Glyph) -> Glyph:
    """The glyph upside down: of a 6 a 9."""

    def turned(hands: Hands) -> list[Stroke]:
        return [-stroke for stroke in glyph(hands)]

    return turned


# The segments of a display, from end to end, in a figure that is one wide and two high.
_SEGMENTS = {
    "a": ((0, 0), (1, 0)),
    "b": ((1, 0), (1, 1)),
    "c": ((1, 1), (1, 2)),
    "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)),
    "f": ((0, 0), (0, 1)),
    "g": ((0, 1), (1, 1)),
}
_LIT = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")


def _seven_segments(digit: int) -> Glyph:
    def lit(hands: Hands) -> list[Stroke]:
        size = np.stack([hands.vary(0.4, 0.65), np.full(hands.count, 0.5, np.float32)], 1)
        gap = hands.vary(-0.03, 0.06)[:, None]
        ends = np.array([_SEGMENTS[name] for name in _LIT[digit]], np.float32)
        shortened = [
            (first + gap * (last - first), last - gap * (last - first)) for first, last in ends
        ]
        return [np.stack(segment, 1) * size[:, None] for segment in shortened]

    return lit


_FORMS: tuple[tuple[Glyph, ...], ...] = (
    (_zero, _zero, _slashed_zero, _dotted_zero),
    (_bar_one, _flagged_one, _flagged_one, _one_on_a_foot, _one_on_a_foot),
    (_two, _two, _curved_two, _looped_two),
    (_three, _three, _pinched_three, _flat_three),
    (_closed_four, _closed_four, _closed_four, _footed_four, _open_four),
    (_five, _five, _cornered_five),
    (_curved_six, _curved_six, _straight_six, _curled_six),
    (_seven, _seven, _curved_seven, _crossed_seven),
    (_eight, _eight, _crossing_eight),
    (
        _turned(_curved_six),
        _turned(_curved_six),
        _turned(_straight_six),
        _straight_nine,
        _hooked_nine,
    ),
)

DIGIT_GLYPHS: tuple[tuple[Glyph, ...], ...] = tuple(
    (*forms, _seven_segments(digit)) for digit, forms in enumerate(_FORMS)
)
"""The forms of each digit, which are equally frequent; a common one is there more than once."""
