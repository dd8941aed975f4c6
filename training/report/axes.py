"""Axes: where a value lies between the ends of a chart, and which round values are named."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_TICKS = 5
_FEW_DECADES = 100
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with a name for some of the values between."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def holds(self, value: float) -> bool:
        """Whether `value` has a place: zero has none on a logarithmic axis."""
        return value > 0 or not self.logarithmic

    def share(self, value: float) -> float:
        """How far `value` lies on the way from `low` (0) to `high` (1)."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def decimal(value: float, decimals: int) -> str:
    """As in `12,000` or `0.05`."""
    return f"{value:,.{decimals}f}".replace("-", "−") if value else "0"


def percent(value: float, decimals: int) -> str:
    """As in `94.7 %`; `decimals` are those of the share."""
    return f"{100 * value:.{max(0, decimals - 2)}f}\N{NO-BREAK SPACE}%"


def linear(
    values: Iterable[float],
    *,
    name: Callable[[float, int], str] = decimal,
    least_step: float = 0,
    exact: bool = False,
) -> Axis:
    """Evenly divided; its ends are round, or `exact`ly the least and the largest of the values."""
    given = sorted(values)
    low, high = given[0], given[-1]
    if low == high:
        low -= abs(low) / 2 or 1
    step = max(_round_step((high - low) / _TICKS), least_step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [(step * count, name(step * count, decimals)) for count in range(first, last + 1)]
    if not exact:
        low, high = ticks[0][0], ticks[-1][0]
    slack = 1e-9 * (high - low)
    return Axis(low, high, [tick for tick in ticks if low - slack <= tick[0] <= high + slack])


def logarithmic(values: Iterable[float]) -> Axis:
    """Divided by powers of ten, or more finely where there are few; ignores what is not above 0."""
    given = sorted(value for value in values if value > 0) or [1.0]
    least, largest = math.floor(math.log10(given[0])), math.ceil(math.log10(given[-1]))
    fine = [factor * 10.0**power for power in range(least - 1, largest + 1) for factor in (1, 2, 5)]
    low = max(value for value in fine if value < given[0])
    high = min(value for value in fine if value > given[-1])
    if high / low <= _FEW_DECADES:
        ticks = [(value, _plain(value)) for value in fine if low <= value <= high]
    else:
        stride = math.ceil(math.log10(high / low) / _TICKS)
        powers = [power for power in range(least, largest + 1) if power % stride == 0]
        ticks = [(10.0**power, power_of_ten(power)) for power in powers]
    return Axis(low, high, [tick for tick in ticks if low <= tick[0] <= high], logarithmic=True)


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, 20, … (and 0.1, 0.2, …)."""
    magnitude: float = 10.0 ** math.floor(math.log10(rough))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)


def power_of_ten(exponent: int) -> str:
    """As in `10⁻³`."""
    return "1" if exponent == 0 else "10" + str(exponent).translate(_SUPERSCRIPTS)


def _plain(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    if -4 <= exponent <= 3:
        return f"{value:.10f}".rstrip("0").rstrip(".")
    factor = round(value / 10.0**exponent)
    return power_of_ten(exponent) if factor == 1 else f"{factor}·{power_of_ten(exponent)}"
