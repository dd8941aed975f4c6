"""Triton's statistics: what requests by this protocol came to, over all worker processes."""

import time
from typing import Any, NamedTuple

from service.telemetry.shared_series import SharedSeries

_SLOT_BYTES = 32 * 1024
"""Room for two hundred versions; pages that are never touched cost nothing."""

# Where these are among the values of a version's series.
_COUNT, _IMAGES, _TOTAL_S, _DECODE_S, _INFER_S, _FAILURES, _FAILED_S = range(7)
_LENGTH = 7

_LAST = "last of "
"""Before the version: a gauge, as moments cannot be summed over processes."""


class Timing(NamedTuple):
    """How long a request took, in seconds."""

    decode: float
    infer: float
    total: float


class Statistics:
    """Made before the workers are forked, and used in each."""

    def __init__(self, workers: int) -> None:
        """Have room for `workers` processes, and for as many that replace them."""
        self._series = SharedSeries(2 * workers + 1, _SLOT_BYTES)

    def succeeded(self, version: int, images: int, timing: Timing) -> None:
        """A version has read so many images in one request."""
        place = self._series.place(str(version), _LENGTH)
        last = self._series.place(f"{_LAST}{version}", is_gauge=True)
        values = self._series.values
        with self._series.lock:
            values[place + _COUNT] += 1.0
            values[place + _IMAGES] += images
            values[place + _TOTAL_S] += timing.total
            values[place + _DECODE_S] += timing.decode
            values[place + _INFER_S] += timing.infer
            values[last] = time.time()

    def failed(self, version: int, seconds: float) -> None:
        """A request that a version would have answered was refused."""
        place = self._series.place(str(version), _LENGTH)
        with self._series.lock:
            self._series.values[place + _FAILURES] += 1.0
            self._series.values[place + _FAILED_S] += seconds

    def document(self, model: str, version: int | None = None) -> dict[str, Any]:
        """Of one version, or of all that were asked something."""
        counters, gauges, *_ = self._series.snapshot()
        versions = sorted(map(int, counters)) if version is None else [version]
        nothing = [0.0] * _LENGTH
        return {
            "model_stats": [
                {
                    "name": model,
                    "version": str(number),
                    "last_inference": int(max(gauges.get(f"{_LAST}{number}", [0.0])) * 1000),
                    **_counts(counters.get(str(number), nothing)),
                }
                for number in versions
            ]
        }


def _counts(values: list[float]) -> dict[str, Any]:
    count = int(values[_COUNT])
    output_s = values[_TOTAL_S] - values[_DECODE_S] - values[_INFER_S]
    return {
        "inference_count": int(values[_IMAGES]),
        "execution_count": count,
        "inference_stats": {
            "success": _duration(count, values[_TOTAL_S]),
            "fail": _duration(int(values[_FAILURES]), values[_FAILED_S]),
            "queue": _duration(count, 0),
            "compute_input": _duration(count, values[_DECODE_S]),
            "compute_infer": _duration(count, values[_INFER_S]),
            "compute_output": _duration(count, output_s),
            "cache_hit": _duration(0, 0),
            "cache_miss": _duration(0, 0),
        },
        "response_stats": {},
        "batch_stats": [],
        "memory_usage": [],
    }


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
