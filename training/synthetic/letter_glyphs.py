"""Letters that no honest eye takes for a digit.

Left out, here and where letters are evaluated: those that are digits in some hand, O o Q D (0),
I i J j l T (1, 7), Z z (2), S s (5), G b (6), B (8), g q y Y (9, 4).
"""

from training.synthetic.hands import Glyph, Hands
from training.synthetic.strokes import Stroke

CLEAR_LETTERS = "ACEFHKLMNPRUVWXadefhkmnprtuvwx"


def _capital_a(hands: Hands) -> list[Stroke]:
    width, bar = hands.vary(0.28, 0.42), hands.vary(0.55, 0.75)
    return [
        hands.line((-width, 1), (0, 0), (width, 1)),
        hands.line((-width * bar, bar), (width * bar, bar)),
    ]


def _capital_c(hands: Hands) -> list[Stroke]:
    width = hands.vary(0.3, 0.45)
    return [
        hands.arc(0, 0.5, width, 0.5, 180, 310),
        hands.arc(0, 0.5, width, 0.5, 180, 50),
    ]


def _capital_e(hands: Hands) -> list[Stroke]:
    width, bar = hands.vary(0.45, 0.6), hands.vary(0.42, 0.52)
    return [
        hands.line((width, 0), (0, 0), (0, 1), (width, 1)),
        hands.line((0, bar), (width * hands.vary(0.7, 1), bar)),
    ]


def _capital_f(hands: Hands) -> list[Stroke]:
    width, bar = hands.vary(0.42, 0.6), hands.vary(0.4, 0.55)
    return [
        hands.line((width, 0), (0, 0), (0, 1)),
        hands.line((0, bar), (width * hands.vary(0.7, 1), bar)),
    ]


def _capital_h(hands: Hands) -> list[Stroke]:
    width, bar = hands.vary(0.45, 0.7), hands.vary(0.42, 0.55)
    return [
        hands.line((0, 0), (0, 1)),
        hands.line((0, bar), (width, bar)),
        hands.line((width, 0), (width, 1)),
    ]


def _k(hands: Hands) -> list[Stroke]:
    """Capital where its arm reaches the top."""
    width, knee, arm = hands.vary(0.4, 0.6), hands.vary(0.5, 0.68), hands.vary(0, 0.35)
    foot = hands.line((width * 0.3, knee - (knee - arm) * 0.3), (width, 1))
    return [hands.line((0, 0), (0, 1)), hands.line((width * 0.9, arm), (0, knee)), foot]


def _capital_l(hands: Hands) -> list[Stroke]:
    return [hands.line((0, 0), (0, 1), (hands.vary(0.45, 0.65), 1))]


def _capital_m(hands: Hands) -> list[Stroke]:
    width, dip, lean = hands.vary(0.6, 0.9), hands.vary(0.5, 1), hands.vary(0, 0.12)
    return [hands.line((-lean, 1), (0, 0), (width / 2, dip), (width, 0), (width + lean, 1))]


def _capital_n(hands: Hands) -> list[Stroke]:
    width = hands.vary(0.5, 0.72)
    return [hands.line((0, 1), (0, 0), (width, 1), (width, 0))]


def _capital_p(hands: Hands) -> list[Stroke]:
    width, bowl = hands.vary(0.25, 0.45), hands.vary(0.22, 0.28)
    belly = hands.arc(width * 0.6, bowl, width * 0.6, bowl, 270, 450)
    return [hands.line((0, 1), (0, 0), belly, (0, 2 * bowl))]


def _capital_r(hands: Hands) -> list[Stroke]:
    width, bowl = hands.vary(0.25, 0.45), hands.vary(0.22, 0.28)
    belly = hands.arc(width * 0.6, bowl, width * 0.6, bowl, 270, 450)
    leg = hands.line((width * 0.5, 2 * bowl), (width * hands.vary(1.1, 1.4), 1))
    return [hands.line((0, 1), (0, 0), belly, (0, 2 * bowl)), leg]


def _u(hands: Hands) -> list[Stroke]:
    """Small where a tail is left at its foot."""
    width, bowl = hands.vary(0.3, 0.45), hands.vary(0.25, 0.45)
    turn = hands.arc(0, 1 - bowl, width, bowl, 180, 0)
    return [hands.line((-width, 0), turn, (width, 0), (width, hands.vary(0.5, 1)))]


def _v(hands: Hands) -> list[Stroke]:
    width = hands.vary(0.3, 0.5)
    return [hands.line((-width, 0), (0, 1), (width, 0))]


def _w(hands: Hands) -> list[Stroke]:
    width, peak, lean = hands.vary(0.6, 0.95), hands.vary(0, 0.5), hands.vary(0.05, 0.2)
    return [
        hands.line((-lean, 0), (0.1, 1), (width / 2, peak), (width - 0.1, 1), (width + lean, 0))
    ]


def _x(hands: Hands) -> list[Stroke]:
    width, top = hands.vary(0.5, 0.85), hands.vary(0, 0.12)
    return [hands.line((0, 0), (width, 1)), hands.line((width - top, 0), (top, 1))]


def _small_a(hands: Hands) -> list[Stroke]:
    """With two storeys, as printed; as written by hand it is nearly a 9 or a 0."""
    width, bowl = hands.vary(0.28, 0.4), hands.vary(0.22, 0.3)
    roof = hands.arc(0, 0.3, width, 0.3, 200, 360)
    belly = hands.arc(0, 1 - bowl, width, bowl, 300, 60)
    return [hands.line(roof, (width, 1)), belly]


def _small_d(hands: Hands) -> list[Stroke]:
    width, bowl = hands.vary(0.24, 0.34), hands.vary(0.24, 0.34)
    return [hands.ring(0, 1 - bowl, width, bowl), hands.line((width, 0), (width, 1))]


def _small_e(hands: Hands) -> list[Stroke]:
    width, bar = hands.vary(0.38, 0.55), hands.vary(0.45, 0.55)
    roof = hands.arc(0, 0.5, width, 0.5, 360, 180)
    bowl = hands.arc(0, 0.5, width, 0.5, 180, 45)
    return [hands.line((-width, bar), (width, bar)), hands.line(roof, bowl)]


def _small_f(hands: Hands) -> list[Stroke]:
    width, bar, arm = hands.vary(0.2, 0.3), hands.vary(0.32, 0.45), hands.vary(0.14, 0.26)
    hook = hands.arc(width, 0.22, width, 0.22, 310, 180)
    return [hands.line(hook, (0, 1)), hands.line((-arm, bar), (arm * 1.2, bar))]


def _small_h(hands: Hands) -> list[Stroke]:
    width, arch = hands.vary(0.2, 0.3), hands.vary(0.15, 0.25)
    leg = hands.line(hands.arc(width, 0.35 + arch, width, arch, 180, 360), (width * 2, 1))
    return [hands.line((0, 0), (0, 1)), leg]


def _small_m(hands: Hands) -> list[Stroke]:
    width, arch = hands.vary(0.25, 0.38), hands.vary(0.2, 0.4)
    legs = [
        hands.line(hands.arc(width * side, arch, width, arch, 180, 360), (width * (side + 1), 1))
        for side in (1, 3)
    ]
    return [hands.line((0, 0), (0, 1)), *legs]


def _small_n(hands: Hands) -> list[Stroke]:
    width, arch = hands.vary(0.3, 0.45), hands.vary(0.25, 0.45)
    leg = hands.line(hands.arc(width, arch, width, arch, 180, 360), (width * 2, 1))
    return [hands.line((0, 0), (0, 1)), leg]


def _small_r(hands: Hands) -> list[Stroke]:
    width, arch = hands.vary(0.3, 0.5), hands.vary(0.25, 0.45)
    return [hands.line((0, 0), (0, 1)), hands.arc(width, arch, width, arch, 180, 300)]


def _small_t(hands: Hands) -> list[Stroke]:
    width, bar, arm = hands.vary(0.16, 0.26), hands.vary(0.22, 0.36), hands.vary(0.16, 0.26)
    foot = hands.arc(width, 0.8, width, 0.2, 180, 50)
    return [hands.line((0, 0), foot), hands.line((-arm, bar), (arm * 1.3, bar))]


LETTER_GLYPHS: tuple[Glyph, ...] = (
    *(_capital_a, _capital_c, _capital_e, _capital_f, _capital_h, _k, _capital_l, _capital_m),
    *(_capital_n, _capital_p, _capital_r, _u, _v, _w, _x),
    *(_small_a, _small_d, _small_e, _small_f, _small_h, _small_m, _small_n, _small_r, _small_t),
)
"""What is the same large and small is there once."""
