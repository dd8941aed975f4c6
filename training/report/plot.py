"""The rectangle that a chart's data are drawn in, with its two axes."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from training.report.axes import Axis
from training.report.svg import element

WIDTH = 400
HEIGHT = 250

TOP = 30
BOTTOM = 44
RIGHT = 14

CHARACTER = 6.8
"""Width of one: a generous guess, since a chart cannot know the reader's font."""


@dataclass(frozen=True)
class Plot:
    """The rectangle between two axes, with their names."""

    x: Axis
    y: Axis
    x_name: str
    y_name: str
    left: float
    right: float
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM

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
            text(self.y_name, 0, self.top - 18, class_="name"),
            text(self.x_name, (self.left + self.right) / 2, self.bottom + 38, class_="name middle"),
            self._level(self.bottom, class_="axis"),
        )

    def _row(self, value: float, name: str) -> Markup:
        y = self.at(self.x.low, value)[1]
        return element(
            "g",
            self._level(y, class_="grid"),
            text(name, self.left - 8, y + 4, class_="end"),
        )

    def _level(self, y: float, **attributes: object) -> Markup:
        return element("path", d=f"M{self.left:.1f} {y:.1f}H{self.right:.1f}", **attributes)

    def _column(self, value: float, name: str) -> Markup:
        x = self.at(value, self.y.low)[0]
        return element(
            "g",
            element("path", d=f"M{x:.1f} {self.bottom:.1f}v4", class_="axis"),
            text(name, x, self.bottom + 19, class_="middle"),
        )


def plot(
    x: Axis,
    y: Axis,
    *,
    x_name: str,
    y_name: str,
    end_names: Iterable[str] = (),
) -> Plot:
    """A plot with room for the names of its ticks on the left, and for `end_names` on the right."""
    left = 12 + max(len(name) for _, name in y.ticks) * CHARACTER
    longest = max(map(len, end_names), default=0)
    right = WIDTH - max(RIGHT, 12 + longest * CHARACTER)
    return Plot(x, y, x_name, y_name, left, right)


def text(words: str, x: float, y: float, **attributes: object) -> Markup:
    """A line of words, or nothing where there are none."""
    return element("text", words, x=float(x), y=float(y), **attributes) if words else Markup("")
