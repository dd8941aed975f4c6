"""The models that answer: what the aliases name, and whatever version is asked for."""

import math
import random
import threading
import time
from collections.abc import Callable
from functools import partial

from registry.catalog import Registry
from registry.errors import NotFoundError, RegistryError
from registry.settings import open_registry
from service.errors import ModelNotFoundError, ModelUnavailableError, ModelUnusableError
from service.models.agreement import Agreement
from service.models.classifier import Classifier
from service.models.follower import Follower
from service.models.observer import Observer, Role
from service.models.pinned import PinnedVersions
from service.models.routing import Traffic
from service.models.shadow import Shadow
from service.models.versions import LoadedVersions
from service.settings import ServiceSettings

# How often a worker looks whether another one has seen an alias move.
_LISTEN_S = 0.25

_LONGEST_RETRY_S = 60


class Models:
    """Every version that this process serves; made before the workers are forked.

    Only `load` and `versions` ask the store, and `choose` of a version that is not loaded.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        opener: Callable[[], Registry] | None = None,
        report: Callable[[str], None] = lambda line: None,
        observer: Observer | None = None,
    ) -> None:
        """Load nothing yet; `report` will get a line for each exchange, and for what fails.

        `opener` is called once by `prepare` and once in each worker, as a connection does not
        survive a fork; by default it opens what the settings say.
        """
        self.name = settings.registry.model
        self._settings = settings
        self._opener = opener or partial(open_registry, settings.registry)
        self._registry: Registry | None = None
        self._observer = observer or Observer()
        self._memory = LoadedVersions(settings.loaded_versions, self._is_named)
        self._pinned = PinnedVersions(
            self.name,
            settings.registry.alias,
            self._memory,
            retry_after_s=self.retry_after_s,
            report=report,
            observer=self._observer,
        )
        self._followers = [
            Follower(self.name, alias, role, self._pinned, report)
            for role, alias in _aliases(settings).items()
        ]
        self._primary = self._followers[0]
        self.shadow = Shadow(settings.shadow_percent, self._observer)
        self._named: dict[Role, Classifier] = {}
        self._traffic: Traffic | None = None
        self._agreement = Agreement(len(self._followers))
        self._heard = self._agreement.sequences()
        self._checking = threading.Lock()
        self._opening = threading.Lock()

    def choose(self, version: int | None = None, routing_key: str | None = None) -> Classifier:
        """What answers a request: the version, or else what the alias names, or its canary.

        Requests with the same `routing_key` are answered by the same of the two. A request keeps
        its classifier to the end. Raises ModelNotFoundError where there is no such version, and
        ModelUnavailableError where it cannot be had.
        """
        if self._agreement.is_unloaded:
            raise self._unavailable(f"{self.name} is unloaded, until it is loaded again.")
        if version is not None:
            return self._pinned.choose(version, self._opened)
        if self._traffic is None:
            raise self._unavailable(f"{self.name} has no version that could be served yet.")
        return self._traffic.everyone or self._traffic.route(routing_key)

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return self._traffic is not None and not self._agreement.is_unloaded

    @property
    def is_stale(self) -> bool:
        """Whether the alias names, or may name, another version than the one that answers."""
        return self._primary.is_stale

    @property
    def stale_seconds(self) -> float:
        """For how long that has been so; 0 where it is not."""
        return self._primary.stale_s

    @property
    def retry_after_s(self) -> int:
        """When it makes sense to ask again for what is not to be had."""
        return min(_LONGEST_RETRY_S, math.ceil(self._settings.follow_interval_s) or 1)

    @property
    def registry(self) -> Registry:
        """The registry, opened by this process when it is first asked for."""
        return self._opened()

    @property
    def named(self) -> dict[Role, Classifier]:
        """What has each role: primary, canary and shadow, as far as there are such."""
        return self._named

    @property
    def refused(self) -> dict[int, str]:
        """The versions that were asked for, or named, and cannot be served; and why."""
        return dict(self._pinned.refused)

    def loaded(self) -> list[int]:
        """The versions that are in memory and answer, lowest first."""
        return [] if self._agreement.is_unloaded else self._memory.numbers()

    def versions(self) -> list[int]:
        """The registered versions, lowest first; where the store is away, as far as known.

        Versions that were deleted are among them.
        """
        return self._pinned.registered(self._opened)

    def load(self, version: int | None = None) -> Classifier:
        """Load the version, or go along with the alias now, and answer again after `unload`.

        What the alias names is verified, tried and exchanged before this returns, and other
        workers do the same at once. Raises ModelNotFoundError, ModelUnavailableError; what
        answered until then still does.
        """
        self._pinned.forget_failures()
        if version is not None:
            return self._pinned.choose(version, self._opened)
        error = self.check()
        if isinstance(error, NotFoundError):
            raise ModelNotFoundError(f"{self.name} has no version to load.") from error
        if error:
            raise self._unavailable(f"{self.name} cannot be loaded: {error}") from error
        self._agreement.is_unloaded = False
        return self.choose()

    def unload(self) -> None:
        """Answer nothing, in no worker, until `load`; the aliases are followed all the same."""
        self._agreement.is_unloaded = True

    def prepare(self) -> None:
        """Load what the aliases name; raises RegistryError, ModelUnusableError.

        With the setting `wait_for_model` there need not be anything to serve yet.
        """
        registry = self._opened()
        for follower in self._followers:
            try:
                follower.begin(registry)
            except (ModelUnusableError, RegistryError) as error:
                if follower is self._primary and not self._settings.wait_for_model:
                    raise
                follower.stay(error)
        self._exchange()

    def start(self) -> None:
        """Follow the aliases from now on, in daemon threads of this process."""
        self._registry = None
        self._tell(heard=not self.is_stale)
        threading.Thread(target=self._run, name="follow", daemon=True).start()
        if self._settings.shadow_alias:
            self.shadow.start()

    def check(self) -> Exception | None:
        """Ask once what the aliases name, and go along; returns why the primary does not."""
        with self._checking:
            self._heard = self._agreement.sequences()
            error, *_ = [follower.check(self._opened) for follower in self._followers]
            self._pinned.note_outage(error)
            self._exchange()
            self._tell(heard=error is None)
            return error

    def _exchange(self) -> None:
        """Let those answer that the aliases name now."""
        before = self._named
        self._named = {
            follower.role: follower.classifier
            for follower in self._followers
            if follower.classifier
        }
        if self._named != before:
            self._share_out()
            for role, classifier in self._named.items():
                if classifier is not before.get(role):
                    self._observer.exchanged(role, classifier.card.version)
        for place, follower in enumerate(self._followers):
            if follower.known:
                self._agreement.tell(place, follower.known.move.sequence)
        self._memory.trim()

    def _share_out(self) -> None:
        """Give the requests to the primary, and to others as far as they are not the same."""
        primary = self._named.get("primary")
        if primary is None:
            return
        others = {
            role: other for role, other in self._named.items() if other.digest != primary.digest
        }
        self.shadow.classifier = others.get("shadow")
        self._traffic = Traffic(
            primary,
            others.get("canary"),
            self._settings.canary_percent,
            self._observer,
            self.shadow.witness if "shadow" in others else None,
        )

    def _tell(self, *, heard: bool) -> None:
        self._observer.checked(self._named, heard=heard, stale_s=self.stale_seconds)

    def _run(self) -> None:
        interval_s = self._settings.follow_interval_s or math.inf
        while True:
            # Services that were started together need not ask together.
            self._wait(interval_s * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
            self.check()

    def _wait(self, duration_s: float) -> None:
        """Wait so long, or until another worker has seen an alias move since we last asked."""
        until = time.monotonic() + duration_s
        while (left := until - time.monotonic()) > 0:
            known = [f.known.move.sequence if f.known else 0 for f in self._followers]
            told = zip(self._agreement.sequences(), self._heard, known, strict=True)
            if any(sequence > max(heard, own) for sequence, heard, own in told):
                return
            time.sleep(min(_LISTEN_S, left))

    def _opened(self) -> Registry:
        with self._opening:
            self._registry = self._registry or self._opener()
            return self._registry

    def _is_named(self, classifier: Classifier) -> bool:
        return any(classifier is follower.classifier for follower in self._followers)

    def _unavailable(self, message: str) -> ModelUnavailableError:
        return ModelUnavailableError(message, retry_after_s=self.retry_after_s)


def _aliases(settings: ServiceSettings) -> dict[Role, str]:
    given: dict[Role, str | None] = {
        "primary": settings.registry.alias,
        "canary": settings.canary_alias,
        "shadow": settings.shadow_alias,
    }
    return {role: alias for role, alias in given.items() if alias}
