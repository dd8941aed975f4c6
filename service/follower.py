"""Go with the alias: serve what it names, without a restart and without losing a request."""

import random
import threading
import time
from collections.abc import Callable

from registry.catalog import Registry, Resolved
from registry.errors import StoreUnavailableError
from service.classifier import Served
from service.loader import load_classifier

_AWAY = "the store is away"


class Follower:
    """Asks what an alias names, and exchanges the classifier that answers.

    The next version is fetched, checked and tried aside, and serves only if all of that succeeds;
    until then, and while the store is away, the present one answers and counts as stale.
    """

    def __init__(
        self,
        served: Served,
        known: Resolved,
        open_registry: Callable[[], Registry],
        report: Callable[[str], None],
    ) -> None:
        """Follow the alias of `known`, which is what it named when `served` was loaded.

        `open_registry` is called once, by the first check: a connection does not survive a fork.
        `report` gets a line for each exchange, and one for each new reason why there is none.
        """
        self._served = served
        self._known = known
        self._open_registry = open_registry
        self._registry: Registry | None = None
        self._report = report
        self._trouble = _AWAY if known.stale else None

    def start(self, interval_s: float) -> None:
        """Check every `interval_s` seconds or so, 0: never, in a daemon thread of this process."""
        if interval_s:
            thread = threading.Thread(target=self._run, args=[interval_s], daemon=True)
            thread.start()

    def check(self) -> None:
        """Ask once, and serve what the alias names; whatever fails, the present version stays."""
        try:
            self._registry = self._registry or self._open_registry()
            moved = self._registry.resolve_if_moved(self._known.card.name, self._known)
            if moved is not None:
                self._go_along(self._registry, moved)
        except Exception as error:  # noqa: BLE001 - a thread that ended would not be missed
            self._stay(error)
        else:
            self._recover()

    def _run(self, interval_s: float) -> None:
        while True:
            # Services that were started together need not ask together.
            time.sleep(interval_s * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
            self.check()

    def _go_along(self, registry: Registry, moved: Resolved) -> None:
        if moved.card != self._known.card:
            self._served.classifier = load_classifier(registry, moved.card)
            self._trouble = None
            self._report(f"serving {_version(moved)}")
        self._known = moved

    def _stay(self, error: Exception) -> None:
        self._served.is_stale = True
        # The texts of an outage differ from one request to the next.
        trouble = _AWAY if isinstance(error, StoreUnavailableError) else str(error)
        if trouble != self._trouble:
            self._trouble = trouble
            text = " ".join(str(error).split()) or type(error).__name__
            self._report(f"still serving {_version(self._known)}: {text}")

    def _recover(self) -> None:
        self._served.is_stale = False
        if self._trouble is not None:
            self._trouble = None
            self._report(f"{self._known.move.alias} is known to name {_version(self._known)} again")


def _version(resolved: Resolved) -> str:
    return f"{resolved.card.name} version {resolved.card.version}"
