"""Count requests and what the models read for them.

This is part of each request, so it is written for speed: what a request counts in is looked up
once for each kind of request and each version, and all of it is counted under one lock.
"""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS
from service.models.classifier import Reading
from service.telemetry import families
from service.telemetry.counting import Counting
from service.telemetry.exchange import Exchange, Numbers, Rows
from service.telemetry.families import BATCH_SIZES, CONFIDENCES, DOUBTS, LATENCIES_S, STAGES
from service.telemetry.shared_series import SharedSeries

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFUSED = frozenset({400, 413, 415, 422})

# Where the sum of a histogram lies, counted from its first bucket.
_LATENCY_SUM = len(LATENCIES_S) + 1
_BATCH_SUM = len(BATCH_SIZES) + 1
_CONFIDENCE_SUM = len(CONFIDENCES) + 1
_DOUBT_SUM = len(DOUBTS) + 1

_CONFIDENCES = np.array(CONFIDENCES)
_DOUBTS = np.array(DOUBTS)

_RequestPlaces = tuple[int, int, int, dict[str, int]]
"""Of the requests in flight, the requests, their latency, and that of each stage."""

_VersionPlaces = tuple[tuple[int, ...], int, int, int]
"""Of each digit, the batch size, the confidence and `not_a_digit`."""


class RequestMetrics(Counting):
    """What each request adds to the metrics."""

    def __init__(self, series: SharedSeries) -> None:
        """Count in `series`."""
        super().__init__(series)
        self._in_flight: list[int] = []
        self._requests: dict[tuple[str, str, int], _RequestPlaces] = {}
        self._versions: dict[int, _VersionPlaces] = {}
        for places in (self._in_flight, self._requests, self._versions):
            series.on_fork(places.clear)

    def begin(self) -> None:
        """A request is there; `end` takes it away."""
        (in_flight,) = self._in_flight or self._place_in_flight()
        with self._series.lock:
            self._values[in_flight] += 1.0

    def end(self, exchange: Exchange) -> None:
        """A request that had begun was answered."""
        request = (exchange.route, exchange.method, exchange.status)
        places = self._requests.get(request) or self._place_request(*request)
        version = exchange.version
        if version is None:
            with self._series.lock:
                self._count_request(places, exchange)
        else:
            version_places = self._versions.get(version) or self._place_version(version)
            with self._series.lock:
                self._count_request(places, exchange)
                self._count_images(version_places, exchange.probabilities, exchange.not_a_digit)
        if exchange.error is not None:
            self._add(1, families.FAILURES, exchange.error)
            if exchange.status in _REFUSED:
                self._add(1, families.REJECTED_INPUTS, exchange.error)
        for reason in exchange.rejected:
            self._add(1, families.REJECTED_INPUTS, reason)

    def read(self, version: int, reading: Reading) -> None:
        """A version has read images without a request that is given to `end`."""
        places = self._versions.get(version) or self._place_version(version)
        with self._series.lock:
            self._count_images(places, *reading)

    def _count_request(self, places: _RequestPlaces, exchange: Exchange) -> None:
        values = self._values
        in_flight, count, latency, stages = places
        seconds = exchange.seconds
        values[in_flight] -= 1.0
        values[count] += 1.0
        values[latency + bisect_left(LATENCIES_S, seconds)] += 1.0
        values[latency + _LATENCY_SUM] += seconds
        for stage, seconds in exchange.stages:
            if stage not in stages:
                continue
            latency = stages[stage]
            values[latency + bisect_left(LATENCIES_S, seconds)] += 1.0
            values[latency + _LATENCY_SUM] += seconds

    def _count_images(
        self, places: _VersionPlaces, probabilities: Rows, not_a_digit: Numbers | None
    ) -> None:
        if len(probabilities) != 1:
            self._count_batch(places, np.asarray(probabilities), not_a_digit)
            return
        values = self._values
        digits, batches, confidences, doubts = places
        first = probabilities[0]
        row = first if isinstance(first, list) else first.tolist()
        confidence = max(row)
        values[digits[row.index(confidence)]] += 1.0
        values[batches] += 1.0
        values[batches + _BATCH_SUM] += 1.0
        values[confidences + bisect_left(CONFIDENCES, confidence)] += 1.0
        values[confidences + _CONFIDENCE_SUM] += confidence
        if not_a_digit is not None:
            doubt = float(not_a_digit[0])
            values[doubts + bisect_left(DOUBTS, doubt)] += 1.0
            values[doubts + _DOUBT_SUM] += doubt

    def _count_batch(
        self,
        places: _VersionPlaces,
        probabilities: NDArray[np.float32],
        not_a_digit: Numbers | None,
    ) -> None:
        size = len(probabilities)
        if not size:
            return
        values = self._values
        digits, batches, confidences, doubts = places
        values[batches + bisect_left(BATCH_SIZES, size)] += 1.0
        values[batches + _BATCH_SUM] += size
        likeliest = probabilities.argmax(1)
        counts = np.bincount(likeliest, minlength=DIGITS).tolist()
        for digit, count in zip(digits, counts, strict=True):
            values[digit] += count
        # Over so short an axis, numpy's max takes ten times as long.
        self._observe(confidences, _CONFIDENCES, probabilities[np.arange(size), likeliest])
        if not_a_digit is not None:
            self._observe(doubts, _DOUBTS, np.asarray(not_a_digit))

    def _observe(
        self, place: int, bounds: NDArray[np.float64], observed: NDArray[np.float32]
    ) -> None:
        for index, count in enumerate(np.bincount(bounds.searchsorted(observed)).tolist()):
            self._values[place + index] += count
        self._values[place + len(bounds) + 1] += float(observed.sum())

    def _place_in_flight(self) -> list[int]:
        self._in_flight[:] = [self._place(families.IN_FLIGHT)]
        return self._in_flight

    def _place_request(self, route: str, method: str, status: int) -> _RequestPlaces:
        # Clients invent methods.
        known = method if method in _METHODS else "other"
        places = self._requests[route, known, status] = (
            self._place(families.IN_FLIGHT),
            self._place(families.REQUESTS, route, known, status),
            self._place(families.REQUEST_SECONDS, route),
            {stage: self._place(families.STAGE_SECONDS, stage) for stage in STAGES},
        )
        return places

    def _place_version(self, version: int) -> _VersionPlaces:
        places = self._versions[version] = (
            tuple(self._place(families.PREDICTIONS, version, digit) for digit in range(DIGITS)),
            self._place(families.BATCH_SIZE, version),
            self._place(families.CONFIDENCE, version),
            self._place(families.NOT_A_DIGIT, version),
        )
        return places
