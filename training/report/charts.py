"""Charts of any data: lines, points with intervals, columns and bars.

Colours run from the first tone, 0, to the last, 1; the stylesheet says what they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from training.report.axes import Axis
from training.report.svg import chart, element

WIDTH = 400
HEIGHT = 250

_TOP = 30
_BOTTOM = 44
_RIGHT = 14
# A generous guess, since a chart cannot know the reader's font.
_CHARACTER = 6.8
_LABEL_HEIGHT = 14

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


@dataclass(frozen=True)
class Plot:
    """The rectangle between two axes, with their names."""

    x: Axis
    y: Axis
    x_name: str
    y_name: str
    left: float
    right: float
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data lies in the chart."""
        return (
            self.left + self.x.share(x) * (self.right - self.left),
            self.bottom - self.y.share(y) * (self.bottom - self.top),
        )

    def frame(self) -> Markup:
        """The axes, their lines and names."""
        return element(
            "g",
            *(self._row(value, name) for value, name in self.y.ticks),
            *(self._column(value, name) for value, name in self.x.ticks),
            _text(self.y_name, 0, self.top - 18, class_="name"),
            _text(
                self.x_name, (self.left + self.right) / 2, self.bottom + 38, class_="name middle"
            ),
            element(
                "path", d=f"M{self.left:.1f} {self.bottom:.1f}H{self.right:.1f}", class_="axis"
            ),
        )

    def _row(self, value: float, name: str) -> Markup:
        y = self.at(self.x.low, value)[1]
        return element(
            "g",
            element("path", d=f"M{self.left:.1f} {y:.1f}H{self.right:.1f}", class_="grid"),
            _text(name, self.left - 8, y + 4, class_="end"),
        )

    def _column(self, value: float, name: str) -> Markup:
        x = self.at(value, self.y.low)[0]
        return element(
            "g",
            element("path", d=f"M{x:.1f} {self.bottom:.1f}v4", class_="axis"),
            _text(name, x, self.bottom + 19, class_="middle"),
        )


def plot(
    x: Axis,
    y: Axis,
    *,
    x_name: str,
    y_name: str,
    end_names: Iterable[str] = (),
    bottom: float = HEIGHT - _BOTTOM,
) -> Plot:
    """A plot with room for the names of its ticks on the left, and for `end_names` on the right."""
    left = 12 + max(len(name) for _, name in y.ticks) * _CHARACTER
    longest = max(map(len, end_names), default=0)
    right = WIDTH - max(_RIGHT, 12 + longest * _CHARACTER)
    return Plot(x, y, x_name, y_name, left, right, bottom=bottom)


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
    right = WIDTH - 2 * _RIGHT
    above = Plot(unnamed, y, "", y_name, left=52, right=right, bottom=240)
    below = Plot(x, columns_axis, x_name, columns_name, left=52, right=right, top=290, bottom=340)
    return chart(
        WIDTH,
        below.bottom + _BOTTOM,
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
    left = 12 + max(len(name) for name, _, _ in bars) * _CHARACTER
    right = WIDTH - 12 - max(len(words) for _, _, words in bars) * _CHARACTER
    row, bottom = 26, 8 + 26 * len(bars)
    area = Plot(x, Axis(0, 1, ()), x_name, "", left, right, top=8, bottom=bottom)
    drawn = [
        element(
            "g",
            _text(name, left - 8, 8 + row * index + 17, class_="end"),
            element(
                "rect",
                x=left,
                y=8.0 + row * index + 6,
                width=max(0.0, area.at(value, 0)[0] - left),
                height=14,
                class_="bar",
            ),
            _text(words, max(left, area.at(value, 0)[0]) + 6, 8 + row * index + 17),
        )
        for index, (name, value, words) in enumerate(bars)
    ]
    return chart(WIDTH, bottom + _BOTTOM, description, area.frame(), *drawn)


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
        _text(line.name, area.right + 8, height + 4, class_="end-name", style=_tone(line.tone))
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


def _text(words: str, x: float, y: float, **attributes: object) -> Markup:
    return element("text", words, x=float(x), y=float(y), **attributes) if words else Markup("")


def _tone(tone: float) -> str:
    return f"--tone: {100 * tone:.0f}%"
