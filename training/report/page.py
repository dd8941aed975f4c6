"""Set the page: `report.html`, which needs nothing but itself."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.report import axes, figures
from training.report.document import Document
from training.report.pictures import NEGATIVE, POSITIVE, Sprite

# A deep network can have one for each layer; they say much the same.
_MOST_WARNINGS = 4


def render(document: Document, mistakes: Sequence[str], weights: Sprite) -> str:
    """The page; `mistakes` are the images of the document's mistakes, as data URIs."""
    template = _environment().get_template("report.html.j2")
    off_diagonal = [
        count
        for label, row in enumerate(document.confusion)
        for read, count in enumerate(row)
        if label != read
    ]
    return template.render(
        document=document,
        figures=figures,
        setting=document.setting,
        test=document.test,
        effort=document.effort,
        mean_auroc=fmean(document.test.not_a_digit.values() or [0]),
        most_warnings=_MOST_WARNINGS,
        most_mistakes=max(off_diagonal),
        mistakes=list(zip(document.mistakes, mistakes, strict=True)),
        sprite=weights,
        differs=any(setting.value != setting.textbook for setting in document.settings),
        colours={"negative": NEGATIVE, "positive": POSITIVE},
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": _count,
        "decimal": axes.decimal,
        "number": lambda value: f"{value:,}",
        "percent": lambda share, decimals: axes.percent(share, decimals + 2),
        "seconds": _seconds,
        "figure": _figure,
        "value": lambda value: f"{value:g}" if isinstance(value, float) else _words(value),
        "words": _words,
    }
    return environment


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _figure(value: float) -> str:
    """Four digits, as in `0.9465` and `1.521 · 10⁻⁶`."""
    factor, _, exponent = f"{value:.4g}".partition("e")
    return f"{factor} · {axes.power_of_ten(int(exponent))}" if exponent else factor


def _count(count: int, thing: str) -> str:
    """As in `1 epoch` and `30 epochs`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _seconds(seconds: float) -> str:
    """As in `8.2 s` and `12 min 5 s`."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"
