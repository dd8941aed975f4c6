"""Count what the service does; `families` says what operators read of it."""

import time
from bisect import bisect_left
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS
from service.classifier import Classifier, Reading
from service.observer import Role
from service.telemetry import families
from service.telemetry.exchange import Exchange, Numbers, Rows
from service.telemetry.families import BATCH_SIZES, CONFIDENCES, DOUBTS, LATENCIES_S, Family
from service.telemetry.shared_series import SharedSeries

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFUSED = frozenset({400, 413, 415, 422})

# Where the sum of a histogram lies, counted from its first bucket.
_LATENCY_SUM = len(LATENCIES_S) + 1
_BATCH_SUM = len(BATCH_SIZES) + 1
_CONFIDENCE_SUM = len(CONFIDENCES) + 1
_DOUBT_SUM = len(DOUBTS) + 1

STAGES = ("decode", "prepare", "infer")

# Shown as zeros from the start, so that the first one is an increase.
_EXPECTED = (
    *((families.STAGE_SECONDS, stage) for stage in STAGES),
    *((families.MODEL_REFUSALS, reason) for reason in ("self_test", "other")),
    *(
        (families.REJECTED_INPUTS, reason)
        for reason in ("blank", "not_a_digit", "low_confidence", "multiple_digits")
    ),
)


_RequestPlaces = tuple[int, int, int, dict[str, int]]
"""Of the requests in flight, the requests, their latency, and that of each stage."""

_VersionPlaces = tuple[tuple[int, ...], int, int, int]
"""Of each digit, the batch size, the confidence and `not_a_digit`."""


class Metrics:
    """What all processes of a service count; made before the fork, and used after it as before.

    Whatever becomes a label must come from a small set: never from a client's own text.
    """

    def __init__(self, workers: int = 1) -> None:
        """Have room for `workers` processes, for as many that replace them, and for this one."""
        self._series = SharedSeries(2 * workers + 1)
        self._values = self._series.values
        self._in_flight: list[int] = []
        self._requests: dict[tuple[str, str, int], _RequestPlaces] = {}
        self._versions: dict[int, _VersionPlaces] = {}
        self._info: list[int] = []
        for places in (self._in_flight, self._requests, self._versions, self._info):
            self._series.on_fork(places.clear)

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

    def lost_line(self) -> None:
        """A line of the access log could not be written."""
        self._add(1, families.LOST_LINES)

    def offered(self, role: Role, version: int) -> None:
        """A request was given to a version in its role."""
        self._add(1, families.MODEL_REQUESTS, version, role)

    def failed(self, role: Role, version: int) -> None:
        """A version in its role could not answer a request."""
        self._add(1, families.MODEL_FAILURES, version, role)

    def shadowed(
        self, version: int, *, agreed: int = 0, differed: int = 0, dropped: int = 0
    ) -> None:
        """The shadow read so many images as what answered did, and so many otherwise."""
        self._add(agreed, families.SHADOW_IMAGES, version, "agreed")
        self._add(differed, families.SHADOW_IMAGES, version, "differed")
        self._add(dropped, families.SHADOW_IMAGES, version, "dropped")

    def exchanged(self, role: Role) -> None:
        """This process has given a role to another version."""
        self._add(1, families.MODEL_EXCHANGES, role)

    def refused(self, reason: Literal["self_test", "other"]) -> None:
        """This process could not serve a version."""
        self._add(1, families.MODEL_REFUSALS, reason)

    def serves(self, named: Mapping[Role, Classifier]) -> None:
        """This process has these versions in these roles, and no others."""
        info = [
            self._place(families.MODEL_INFO, role, card.name, card.version, classifier.digest)
            for role, classifier in named.items()
            for card in [classifier.card]
        ]
        self._set(0, *(place for place in self._info if place not in info))
        self._set(1, *info)
        self._info[:] = info

    def checked(self, *, heard: bool, stale_s: float) -> None:
        """This process asked what its aliases name, and `heard` it or did not.

        `stale_s` is for how long it may have served another version; 0: it does not.
        """
        now_s = time.time()
        if heard:
            self._set(now_s, self._place(families.LAST_CHECK))
        self._set(now_s - stale_s if stale_s else 0, self._place(families.STALE_SINCE))

    def exposition(self, *, open_metrics: bool = False) -> bytes:
        """All of it in Prometheus's text format, or in OpenMetrics'."""
        # Imported here: the first metrics are asked for long after the service has started.
        from service.telemetry.exposition import exposition
        from service.telemetry.scrape import shown

        for family, label in _EXPECTED:
            self._place(family, label)
        return exposition(shown(self._series.snapshot(), time.time()), open_metrics=open_metrics)

    # What follows, as far as `_observe`, is written for speed: it is part of each request.

    def _count_request(self, places: _RequestPlaces, exchange: Exchange) -> None:
        values = self._values
        in_flight, count, latency, stages = places
        seconds = exchange.seconds
        values[in_flight] -= 1.0
        values[count] += 1.0
        values[latency + bisect_left(LATENCIES_S, seconds)] += 1.0
        values[latency + _LATENCY_SUM] += seconds
        for stage, seconds in exchange.stages:
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
        row = probabilities[0].tolist()
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
        if not len(probabilities):
            return
        values = self._values
        digits, batches, confidences, doubts = places
        values[batches + bisect_left(BATCH_SIZES, len(probabilities))] += 1.0
        values[batches + _BATCH_SUM] += len(probabilities)
        counts = np.bincount(probabilities.argmax(1), minlength=DIGITS).tolist()
        for digit, count in zip(digits, counts, strict=True):
            values[digit] += count
        self._observe(confidences, CONFIDENCES, probabilities.max(1))
        if not_a_digit is not None:
            self._observe(doubts, DOUBTS, np.asarray(not_a_digit))

    def _observe(
        self, place: int, bounds: tuple[float, ...], observed: NDArray[np.float32]
    ) -> None:
        buckets = np.bincount(np.searchsorted(bounds, observed), minlength=len(bounds) + 1)
        for index, count in enumerate(buckets.tolist()):
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

    def _place(self, family: Family, *labels: object) -> int:
        name = family.series(*labels)
        return self._series.place(name, family.length, is_gauge=family.kind == "gauge")

    def _add(self, amount: float, family: Family, *labels: object) -> None:
        place = self._place(family, *labels)
        with self._series.lock:
            self._values[place] += amount

    def _set(self, value: float, *places: int) -> None:
        with self._series.lock:
            for place in places:
                self._values[place] = value
