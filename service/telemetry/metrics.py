"""All metrics of the service; `families` says what operators read of them."""

import time
from collections.abc import Mapping
from typing import Literal

from service.models.classifier import Classifier
from service.models.observer import Role
from service.telemetry import families
from service.telemetry.counting import Counting
from service.telemetry.request_metrics import RequestMetrics
from service.telemetry.shared_series import SharedSeries

# Shown as zeros from the start, so that the first one is an increase.
_EXPECTED = (
    *((families.STAGE_SECONDS, stage) for stage in families.STAGES),
    *((families.MODEL_REFUSALS, reason) for reason in ("self_test", "other")),
    *(
        (families.REJECTED_INPUTS, reason)
        for reason in ("blank", "not_a_digit", "low_confidence", "multiple_digits")
    ),
)


class Metrics(Counting):
    """What all processes of a service count; made before the fork, and used after it as before."""

    def __init__(self, workers: int = 1) -> None:
        """Have room for `workers` processes, for as many that replace them, and for this one."""
        super().__init__(SharedSeries(2 * workers + 1))
        self.requests = RequestMetrics(self._series)
        self._info: list[int] = []
        self._series.on_fork(self._info.clear)

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
