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
from service.telemetry.exposition import exposition
from service.telemetry.families import BATCH_SIZES, CONFIDENCES, DOUBTS, LATENCIES_S, Family
from service.telemetry.scrape import shown
from service.telemetry.shared_series import SharedSeries

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFUSED = frozenset({400, 413, 415, 422})

# Where the sum of a histogram lies, counted from its first bucket.
_LATENCY_SUM = len(LATENCIES_S) + 1
_BATCH_SUM = len(BATCH_SIZES) + 1
_CONFIDENCE_SUM = len(CONFIDENCES) + 1
_DOUBT_SUM = len(DOUBTS) + 1

# Where these places are among those of a version, after those of the digits.
_BATCHES, _CONFIDENCES, _DOUBTS = range(DIGITS, DIGITS + 3)

# Where the places of the stages are among those of a request.
_STAGES = {"decode": 3, "prepare": 4, "infer": 5}

# Shown as zeros from the start, so that the first one is an increase.
_EXPECTED = (
    *((families.STAGE_SECONDS, stage) for stage in _STAGES),
    *((families.MODEL_REFUSALS, reason) for reason in ("self_test", "other")),
    *(
        (families.REJECTED_INPUTS, reason)
        for reason in ("blank", "not_a_digit", "low_confidence", "multiple_digits")
    ),
)


Series = tuple[Family, *tuple[object, ...]]
"""A family and the values of its labels."""


class Metrics:
    """What all processes of a service count; made before the fork, and used after it as before.

    Whatever becomes a label must come from a small set: never from a client's own text.
    """

    def __init__(self, workers: int = 1) -> None:
        """Have room for `workers` processes, for as many that replace them, and for this one."""
        self._series = SharedSeries(2 * workers + 1)
        self._values = self._series.values
        self._places: dict[object, tuple[int, ...]] = {}
        self._info: list[int] = []
        self._series.on_fork(self._places.clear)
        self._series.on_fork(self._info.clear)

    def begin(self) -> None:
        """A request is there; `end` takes it away."""
        (in_flight,) = self._places.get("begin") or self._bind("begin", (families.IN_FLIGHT,))
        with self._series.lock:
            self._values[in_flight] += 1.0

    def end(self, exchange: Exchange) -> None:
        """A request that had begun was answered."""
        request = (exchange.route, exchange.method, exchange.status)
        places = self._places.get(request) or self._bind_request(*request)
        version = exchange.version
        if version is None:
            with self._series.lock:
                self._count_request(places, exchange)
        else:
            version_places = self._places.get(version) or self._bind_version(version)
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
        places = self._places.get(version) or self._bind_version(version)
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
        check, stale_since = self._places.get("checked") or self._bind(
            "checked", (families.LAST_CHECK,), (families.STALE_SINCE,)
        )
        if heard:
            self._set(now_s, check)
        self._set(now_s - stale_s if stale_s else 0, stale_since)

    def exposition(self, *, open_metrics: bool = False) -> bytes:
        """All of it in Prometheus's text format, or in OpenMetrics'."""
        for family, label in _EXPECTED:
            self._place(family, label)
        return exposition(shown(self._series.snapshot(), time.time()), open_metrics=open_metrics)

    # What follows, as far as `_observe`, is written for speed: it is part of each request.

    def _count_request(self, places: tuple[int, ...], exchange: Exchange) -> None:
        values = self._values
        in_flight, count, latency, *_ = places
        seconds = exchange.seconds
        values[in_flight] -= 1.0
        values[count] += 1.0
        values[latency + bisect_left(LATENCIES_S, seconds)] += 1.0
        values[latency + _LATENCY_SUM] += seconds
        for stage, seconds in exchange.stages:
            latency = places[_STAGES[stage]]
            values[latency + bisect_left(LATENCIES_S, seconds)] += 1.0
            values[latency + _LATENCY_SUM] += seconds

    def _count_images(
        self, places: tuple[int, ...], probabilities: Rows, not_a_digit: Numbers | None
    ) -> None:
        if len(probabilities) != 1:
            self._count_batch(places, np.asarray(probabilities), not_a_digit)
            return
        values = self._values
        row = probabilities[0].tolist()
        confidence = max(row)
        values[places[row.index(confidence)]] += 1.0
        batches, confidences, doubts = places[_BATCHES], places[_CONFIDENCES], places[_DOUBTS]
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
        places: tuple[int, ...],
        probabilities: NDArray[np.float32],
        not_a_digit: Numbers | None,
    ) -> None:
        if not len(probabilities):
            return
        values = self._values
        values[places[_BATCHES] + bisect_left(BATCH_SIZES, len(probabilities))] += 1.0
        values[places[_BATCHES] + _BATCH_SUM] += len(probabilities)
        digits = np.bincount(probabilities.argmax(1), minlength=DIGITS)
        for digit, count in enumerate(digits.tolist()):
            values[places[digit]] += count
        self._observe(places[_CONFIDENCES], CONFIDENCES, probabilities.max(1))
        if not_a_digit is not None:
            self._observe(places[_DOUBTS], DOUBTS, np.asarray(not_a_digit))

    def _observe(
        self, place: int, bounds: tuple[float, ...], observed: NDArray[np.float32]
    ) -> None:
        buckets = np.bincount(np.searchsorted(bounds, observed), minlength=len(bounds) + 1)
        for index, count in enumerate(buckets.tolist()):
            self._values[place + index] += count
        self._values[place + len(bounds) + 1] += float(observed.sum())

    def _bind_request(self, route: str, method: str, status: int) -> tuple[int, ...]:
        # Clients invent methods.
        method = method if method in _METHODS else "other"
        return self._bind(
            (route, method, status),
            (families.IN_FLIGHT,),
            (families.REQUESTS, route, method, status),
            (families.REQUEST_SECONDS, route),
            *((families.STAGE_SECONDS, stage) for stage in _STAGES),
        )

    def _bind_version(self, version: int) -> tuple[int, ...]:
        return self._bind(
            version,
            *((families.PREDICTIONS, version, digit) for digit in range(DIGITS)),
            (families.BATCH_SIZE, version),
            (families.CONFIDENCE, version),
            (families.NOT_A_DIGIT, version),
        )

    def _bind(self, key: object, *series: Series) -> tuple[int, ...]:
        """Remember under `key` the places that these series have in this process."""
        places = tuple(self._place(*one) for one in series)
        self._places[key] = places
        return places

    def _place(self, family: Family, *labels: object) -> int:
        name = family.series(*labels)
        return self._series.place(name, family.length, is_gauge=family.kind == "gauge")

    def _add(self, amount: float, family: Family, *labels: object) -> None:
        key: Series = (family, *labels)
        (place,) = self._places.get(key) or self._bind(key, key)
        with self._series.lock:
            self._values[place] += amount

    def _set(self, value: float, *places: int) -> None:
        with self._series.lock:
            for place in places:
                self._values[place] = value
