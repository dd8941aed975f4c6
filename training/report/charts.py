"""Charts of any data: lines, points with intervals, columns and bars.

Colours run from the first tone, 0, to the last, 1; the stylesheet says what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from training.report.axes import Axis
from training.report.plot import BOTTOM, CHARACTER, HEIGHT, RIGHT, WIDTH, Plot, plot, text
from training.report.svg import chart, element

_LABEL_HEIGHT = 14
_ROW = 26

# Lines of a chart share so many points, so that a long training makes no large page.
_POINTS = 3000


@dataclass(frozen=True)
class Line:
    """Points (x, y) joined by a line, which is named at its end."""

    name: str
    points: Sequence[tuple[float, float]]
    tone: float = 0
    dots: bool = False


@dataclass(frozen=True)
class Spread:
    """A point with the interval that its value may well lie in, and what it says in full."""

    x: float
    y: float
    low: float
    high: float
    says: str


def line_chart(
    lines: Sequence[Line], x: Axis, y: Axis, *, x_name: str, y_name: str, description: str
) -> Markup:
    """Lines over x; a value that the axis does not hold breaks its line."""
    area = plot(x, y, x_name=x_name, y_name=y_name, end_names=(line.name for line in lines))
    most = max(2, _POINTS // len(lines))
    return chart(
        WIDTH,
        HEIGHT,
        description,
        area.frame(),
        *(_line(area, line, most) for line in lines),
        *_end_names(area, lines),
    )


def spread_chart(
    spreads: Sequence[Spread],
    columns: Sequence[tuple[float, float, float]],
    x: Axis,
    y: Axis,
    columns_axis: Axis,
    *,
    names: tuple[str, str, str],
    description: str,
) -> Markup:
    """Points with their intervals against the line y = x, and columns (from, to, height) below.

    `names` are those of x, of y and of the columns' axis.
    """
    x_name, y_name, columns_name = names
    unnamed = replace(x, ticks=[(value, "") for value, _ in x.ticks])
    right = WIDTH - 2 * RIGHT
    above = Plot(unnamed, y, "", y_name, left=52, right=right, bottom=240)
    below = Plot(x, columns_axis, x_name, columns_name, left=52, right=right, top=290, bottom=340)
    return chart(
        WIDTH,
        below.bottom + BOTTOM,
        description,
        above.frame(),
        element("path", d=_path([above.at(0, 0), above.at(1, 1)]), class_="ideal"),
        *(_spread(above, spread) for spread in spreads),
        below.frame(),
        *(_upright(below, *column) for column in columns),
    )


def bar_chart(
    bars: Sequence[tuple[str, float, str]], x: Axis, *, x_name: str, description: str
) -> Markup:
    """Lying bars (name, value, value in words) that begin at the axis's low end."""
    left = 12 + max(len(name) for name, _, _ in bars) * CHARACTER
    right = WIDTH - 12 - max(len(words) for _, _, words in bars) * CHARACTER
    bottom = _ROW * len(bars) + 8
    area = Plot(x, Axis(0, 1, ()), x_name, "", left, right, top=0, bottom=bottom)
    drawn = (_lying(area, _ROW * index, *bar) for index, bar in enumerate(bars))
    return chart(WIDTH, bottom + BOTTOM, description, area.frame(), *drawn)


def _lying(area: Plot, top: float, name: str, value: float, words: str) -> Markup:
    end, _ = area.at(value, 0)
    return element(
        "g",
        text(name, area.left - 8, top + 17, class_="end"),
        element(
            "rect", x=area.left, y=top + 6, width=end - area.left, height=_ROW - 12, class_="bar"
        ),
        text(words, end + 6, top + 17),
    )


def _line(area: Plot, line: Line, most: int) -> Markup:
    kept = [(area.at(x, y) if area.y.holds(y) else None) for x, y in _thinned(line.points, most)]
    runs: list[list[tuple[float, float]]] = [[]]
    for place in kept:
        if place:
            runs[-1].append(place)
        elif runs[-1]:
            runs.append([])
    places = [place for place in kept if place]
    dotted = places if line.dots else places[-1:]
    return element(
        "g",
        element("path", d="".join(map(_path, runs)), class_="line"),
        *(element("circle", cx=x, cy=y, r=2.5, class_="dot") for x, y in dotted),
        style=_tone(line.tone),
    )


def _thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Every so many-th of the points, counted from the last, and the first."""
    stride = -(-len(points) // most)
    kept = list(points[::-stride][::-1])
    return kept if kept[0] == points[0] else [points[0], *kept]


def _end_names(area: Plot, lines: Sequence[Line]) -> list[Markup]:
    """The names at the ends of the lines, moved apart where they would overlap."""
    ends = [
        (area.at(*line.points[-1])[1], line)
        for line in lines
        if line.name and area.y.holds(line.points[-1][1])
    ]
    ends.sort(key=lambda end: end[0])
    heights = _apart([height for height, _ in ends], area.bottom)
    return [
        text(line.name, area.right + 8, height + 4, class_="end-name", style=_tone(line.tone))
        for height, (_, line) in zip(heights, ends, strict=True)
    ]


def _apart(heights: Sequence[float], lowest: float) -> list[float]:
    """Sorted heights, moved as little as it takes for labels not to overlap."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + _LABEL_HEIGHT) if placed else height)
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], lowest)
        lowest = placed[index] - _LABEL_HEIGHT
    return placed


def _spread(area: Plot, spread: Spread) -> Markup:
    x, y = area.at(spread.x, spread.y)
    low, high = area.at(spread.x, spread.low)[1], area.at(spread.x, spread.high)[1]
    return element(
        "g",
        element("title", spread.says),
        element("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}", class_="interval"),
        element("circle", cx=x, cy=y, r=3.5, class_="dot"),
        style=_tone(1),
    )


def _upright(area: Plot, start: float, end: float, height: float) -> Markup:
    left, top = area.at(start, height)
    right = area.at(end, height)[0]
    return element(
        "rect",
        x=left + 0.75,
        y=top,
        width=right - left - 1.5,
        height=area.bottom - top,
        class_="bar",
    )


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) if places else ""


def _tone(tone: float) -> str:
    return f"--tone: {100 * tone:.0f}%"
