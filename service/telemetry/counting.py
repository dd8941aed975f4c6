"""Count by family and labels."""

from service.telemetry.families import Family
from service.telemetry.shared_series import SharedSeries


class Counting:
    """What all parts of the metrics do.

    Whatever becomes a label must come from a small set: never from a client's own text.
    """

    def __init__(self, series: SharedSeries) -> None:
        """Count in `series`."""
        self._series = series
        self._values = series.values
        self._places: dict[tuple[object, ...], int] = {}
        series.on_fork(self._places.clear)

    def _place(self, family: Family, *labels: object) -> int:
        place = self._places.get((family, *labels))
        if place is None:
            name = family.series(*labels)
            is_gauge = family.kind == "gauge"
            place = self._series.place(name, family.length, is_gauge=is_gauge)
            self._places[family, *labels] = place
        return place

    def _add(self, amount: float, family: Family, *labels: object) -> None:
        place = self._place(family, *labels)
        with self._series.lock:
            self._values[place] += amount

    def _set(self, value: float, *places: int) -> None:
        with self._series.lock:
            for place in places:
                self._values[place] = value
