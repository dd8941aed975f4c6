"""Plain text for people: columns that line up, sizes and times that can be read."""

from collections.abc import Iterable, Sequence
from datetime import datetime


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their headings, as wide as their widest cell."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def size(size_bytes: int) -> str:
    """A number of bytes, to three digits."""
    amount, units = float(size_bytes), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while amount >= 1024 and unit != "GiB":
        amount, unit = amount / 1024, next(units)
    return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:.0f} {unit}"


def moment(at: datetime) -> str:
    """A point in time, to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def metrics(values: dict[str, float]) -> str:
    """Metrics on one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())
