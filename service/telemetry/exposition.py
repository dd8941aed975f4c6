"""Write metrics as Prometheus reads them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from service.telemetry.families import FAMILIES, Family


def exposition(series: Mapping[str, Sequence[float]], *, open_metrics: bool) -> bytes:
    """The text with the values of each series: one, or a histogram's buckets and its sum.

    Sources: Prometheus's text-based format 0.0.4, and OpenMetrics 1.0 as RFC draft.
    """
    families: dict[str, list[str]] = {}
    for name in sorted(series):
        families.setdefault(name.partition("{")[0], []).append(name)
    lines: list[str] = []
    for family in FAMILIES:
        # OpenMetrics names a counter without the suffix that its samples have.
        title = family.name.removesuffix("_total") if open_metrics else family.name
        lines.append(f"# HELP {title} {family.meaning}\n# TYPE {title} {family.kind}\n")
        for name in families.get(family.name, ()):
            lines.extend(_samples(family, name, series[name]))
    if open_metrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def _samples(family: Family, name: str, values: Sequence[float]) -> Iterator[str]:
    if family.kind != "histogram":
        yield f"{name} {_number(values[0])}\n"
        return
    labels = name[len(family.name) :].strip("{}")
    before = f"{family.name}_bucket{{{labels}{',' if labels else ''}le="
    *buckets, total = values
    *cumulated, count = accumulate(buckets)
    for bound, below in zip(family.bounds, cumulated, strict=True):
        yield f'{before}"{bound}"}} {_number(below)}\n'
    yield f'{before}"+Inf"}} {_number(count)}\n'
    suffix = name[len(family.name) :]
    yield f"{family.name}_count{suffix} {_number(count)}\n"
    yield f"{family.name}_sum{suffix} {_number(total)}\n"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
