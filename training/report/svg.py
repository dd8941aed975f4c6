"""Write SVG: elements nest, text is escaped, numbers are short."""

from pathlib import Path

from markupsafe import Markup, escape

_STYLES = ("theme.css", "chart.css")
_MARGIN = 20


def element(name: str, *children: object, **attributes: object) -> Markup:
    """One element; `_` in the names of attributes stands for `-`, a trailing one for nothing."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inner)


def chart(width: float, height: float, description: str, *children: object) -> Markup:
    """A chart of so many units; `description` is what is read to who cannot see it."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        width=width,
        height=height,
        class_="chart",
        role="img",
        aria_label=description,
    )


def standalone(drawn: Markup, width: float, height: float) -> str:
    """A chart of this size as a file of its own, on its own paper: it may lie on any ground."""
    styles = "".join(Path(__file__).with_name(name).read_text() for name in _STYLES)
    full_width, full_height = width + 2 * _MARGIN, height + 2 * _MARGIN
    paper = element("rect", width=full_width, height=full_height, rx=6, fill="var(--paper)")
    inner = element("g", drawn, transform=f"translate({_MARGIN} {_MARGIN})")
    return (
        element(
            "svg",
            # Marked as safe: between these tags nothing is escaped in a page, and XML has no need.
            element("style", Markup(styles)),  # noqa: S704
            paper,
            inner,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {_short(full_width)} {_short(full_height)}",
            width=full_width,
            height=full_height,
        )
        + "\n"
    )


def _short(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
