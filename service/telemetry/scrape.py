"""From what each process counted to what operators are shown."""

from service.telemetry import families
from service.telemetry.processes import usage
from service.telemetry.shared_series import Snapshot


def shown(snapshot: Snapshot, now_s: float) -> dict[str, list[float]]:
    """The values of all series of the service, by name; `now_s` is the time since the epoch."""
    series = dict(snapshot.counters)
    series[families.DROPPED_SERIES.name] = [float(snapshot.dropped)]
    series |= _gauges(snapshot.gauges, now_s)
    for number, process_id in snapshot.processes.items():
        for family, value in usage(process_id).items():
            series[family.series(number)] = [value]
    return series


def _gauges(gauges: dict[str, list[float]], now_s: float) -> dict[str, list[float]]:
    in_flight = gauges.get(families.IN_FLIGHT.name, [])
    series = {families.IN_FLIGHT.name: [sum(in_flight, 0.0)]}
    stale_since = list(filter(None, gauges.get(families.STALE_SINCE.name, [])))
    series[families.STALE.name] = [float(bool(stale_since))]
    series[families.STALE_SECONDS.name] = [max(0.0, now_s - min(stale_since, default=now_s))]
    if checks := list(filter(None, gauges.get(families.LAST_CHECK.name, []))):
        series[families.LAST_CHECK.name] = [min(checks)]
    for name, processes in gauges.items():
        family, brace, labels = name.partition("{")
        if family == families.MODEL_INFO.name and any(processes):
            series[name] = [1.0]
            series[families.MODEL_WORKERS.name + brace + labels] = [sum(processes)]
    return series
