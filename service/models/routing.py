"""Which version answers whom: the primary, or the canary that has a share of the requests."""

import random
from hashlib import blake2b

from service.models.classifier import Classifier
from service.models.observer import Observed, Observer, Witness


class Traffic:
    """A primary, and perhaps a canary; made anew whenever one of them changes."""

    def __init__(
        self,
        primary: Classifier,
        canary: Classifier | None,
        canary_percent: float,
        observer: Observer,
        witness: Witness | None,
    ) -> None:
        """Give the canary so many of the requests, and show `witness` those of the primary.

        Only where there is something to compare is the observer told of each answer.
        """
        self._canary = self._primary = primary
        self._percent = canary_percent
        if canary or witness:
            self._primary = Observed(primary, "primary", observer, witness)
        if canary:
            self._canary = Observed(canary, "canary", observer)
        self.everyone = None if canary else self._primary
        """What answers all requests, if one does."""

    def route(self, key: str | None) -> Classifier:
        """What answers a request with this routing key."""
        return self._canary if is_chosen(self._percent, key) else self._primary


def is_chosen(percent: float, key: str | None) -> bool:
    """Whether a request is among the `percent` of all requests.

    The same key is always answered alike, and stays chosen while `percent` grows; without a key
    each request is a draw of its own.
    """
    if key is None:
        return random.random() * 100 < percent  # noqa: S311 - no secret
    return position(key) < percent


def position(key: str) -> float:
    """Where `key` lies from 0 to 100: evenly spread, the same in every process and release."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * 100
