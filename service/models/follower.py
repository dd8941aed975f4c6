"""Go with an alias: have ready what it names, without a restart and without losing a request."""

import time
from collections.abc import Callable

from registry.catalog import Registry, Resolved
from registry.errors import NotFoundError, StoreUnavailableError
from service.models.classifier import Classifier
from service.models.observer import Role
from service.models.pinned import PinnedVersions

_AWAY = "the store is away"


class Follower:
    """Asks what an alias names, and exchanges the classifier that has its role.

    The next version is fetched, checked and tried aside, and serves only if all of that succeeds;
    until then, and while the store is away, the present one answers and counts as stale.
    """

    def __init__(
        self,
        model: str,
        alias: str,
        role: Role,
        versions: PinnedVersions,
        report: Callable[[str], None],
    ) -> None:
        """Follow `alias` of `model`, which need not name anything yet; `versions` load it.

        `report` gets a line for each exchange, and one for each new reason why there is none.
        """
        self.role = role
        self.classifier: Classifier | None = None
        self.known: Resolved | None = None
        self._model = model
        self._alias = alias
        self._versions = versions
        self._report = report
        self._trouble: str | None = None
        self._stale_since: float | None = None

    @property
    def stale_s(self) -> float:
        """For how many seconds the alias has named, or may have named, another version."""
        return 0.0 if self._stale_since is None else time.monotonic() - self._stale_since

    @property
    def is_stale(self) -> bool:
        """Whether the alias may name another version: the store is away, or that one is refused."""
        return self._stale_since is not None

    def begin(self, registry: Registry) -> None:
        """Load what the alias names; raises RegistryError, ModelUnusableError."""
        self._follow(registry)
        if self.known and self.known.stale:
            self._trouble = _AWAY
            self._stale_since = time.monotonic()

    def check(self, open_registry: Callable[[], Registry]) -> Exception | None:
        """Ask once, and go along; whatever fails is returned, and the present version stays."""
        try:
            is_new = self._follow(open_registry())
        except Exception as error:  # noqa: BLE001 - a thread that ended would not be missed
            self.stay(error)
            return error
        if is_new:
            self._trouble = None
            self._report(f"serving {self._served()}")
        self._recover()
        return None

    def stay(self, error: Exception) -> None:
        """Keep the present version because of `error`, and report that if it is new."""
        if self.known is None and self.role != "primary" and isinstance(error, NotFoundError):
            return  # There is no canary, or no shadow, at the moment.
        if self.classifier and self._stale_since is None:
            self._stale_since = time.monotonic()
        # The texts of an outage differ from one request to the next.
        trouble = _AWAY if isinstance(error, StoreUnavailableError) else str(error)
        if trouble != self._trouble:
            self._trouble = trouble
            text = " ".join(str(error).split()) or type(error).__name__
            self._report(f"{self._present()}: {text}")

    def _follow(self, registry: Registry) -> bool:
        """Have what the alias names; whether that is another version than before."""
        moved = (
            registry.resolve_if_moved(self._model, self.known)
            if self.known
            else registry.resolve(self._model, self._alias)
        )
        if moved is None:
            return False
        is_new = self.classifier is None or moved.card != self.classifier.card
        if is_new:
            # What the primary's alias names was found to be trusted when it was resolved.
            is_trusted = self.role == "primary"
            self.classifier = self._versions.load(registry, moved.card, is_trusted=is_trusted)
        self.known = moved
        return is_new

    def _recover(self) -> None:
        if self.known is None or self.known.stale:
            return
        self._stale_since = None
        if self._trouble is not None:
            self._trouble = None
            self._report(f"{self._alias} is known to name {self._served()} again")

    def _present(self) -> str:
        if self.classifier:
            return f"still serving {self._served()}"
        return "no model yet" if self.role == "primary" else f"no {self.role} yet"

    def _served(self) -> str:
        assert self.classifier  # noqa: S101 - only asked where there is one
        card = self.classifier.card
        served = f"{card.name} version {card.version}"
        return served if self.role == "primary" else f"{served} as {self.role}"
