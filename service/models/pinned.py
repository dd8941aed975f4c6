"""Whatever version is asked for by its number, from memory or else from the store."""

import math
import threading
import time
from collections.abc import Callable
from functools import partial

from registry.card import ModelCard
from registry.catalog import Registry
from registry.errors import (
    DeletedError,
    RegistryError,
    StoreUnavailableError,
)
from service.errors import (
    ModelNotFoundError,
    ModelUnavailableError,
    ModelUnusableError,
    RequestError,
)
from service.models.classifier import Classifier
from service.models.loader import load_classifier
from service.models.observer import Observer
from service.models.versions import LoadedVersions

# How long a list of the registered versions is believed: nobody can make us ask more often.
_LISTING_LASTS_S = 1.0


class PinnedVersions:
    """Versions of one model, loaded on demand; what cannot be had is not asked for again at once.

    Each version must have the signatures that the policy asks for in what `alias` names.
    """

    def __init__(
        self,
        model: str,
        alias: str,
        memory: LoadedVersions,
        *,
        retry_after_s: int,
        report: Callable[[str], None],
        observer: Observer,
    ) -> None:
        """Keep what is loaded in `memory`, and try again what failed after `retry_after_s`."""
        self.refused: dict[int, str] = {}
        """The versions that could not be loaded when that was last tried, and why."""
        self._model = model
        self._alias = alias
        self._memory = memory
        self._retry_after_s = retry_after_s
        self._report = report
        self._observer = observer
        self._listing = threading.Lock()
        self._listed: list[int] = []
        self._listed_until = -math.inf
        self._away_until = -math.inf
        self._failures: dict[int, tuple[float, RequestError]] = {}

    def choose(self, version: int, open_registry: Callable[[], Registry]) -> Classifier:
        """The version; raises ModelNotFoundError, ModelUnavailableError."""
        return self._memory.get(version) or self._fetched(version, open_registry)

    def load(self, registry: Registry, card: ModelCard, *, is_trusted: bool) -> Classifier:
        """The version of `card`, verified and tried; raises RegistryError, ModelUnusableError.

        Unless it is known that it `is_trusted`, its signatures are checked first.
        """
        try:
            if not is_trusted:
                registry.require_trusted(card, self._alias)
            held = self._memory.get(card.version)
            if held and held.card == card:
                return held
            return self._memory.load(card.version, partial(self._tried, registry, card))
        except StoreUnavailableError:
            raise
        except (ModelUnusableError, RegistryError) as error:
            self._refuse(card.version, error)
            raise

    def forget_failures(self) -> None:
        """Ask the store again for what could not be had."""
        self._failures.clear()
        self._listed_until = self._away_until = -math.inf

    def note_outage(self, error: Exception | None) -> None:
        """While the store is away, nobody shall wait for it."""
        if isinstance(error, StoreUnavailableError):
            self._away_until = time.monotonic() + self._retry_after_s
        elif error is None:
            self._away_until = -math.inf

    def registered(self, open_registry: Callable[[], Registry]) -> list[int]:
        """The version numbers, lowest first, as of a second ago or as they were last known."""
        with self._listing:
            if time.monotonic() >= max(self._listed_until, self._away_until):
                try:
                    self._listed = open_registry().versions(self._model)
                except RegistryError as error:
                    self.note_outage(error)
                else:
                    self._listed_until = time.monotonic() + _LISTING_LASTS_S
            return sorted({*self._listed, *self._memory.numbers()})

    def _fetched(self, version: int, open_registry: Callable[[], Registry]) -> Classifier:
        until, failure = self._failures.get(version, (-math.inf, None))
        if failure and time.monotonic() < until:
            raise failure.with_traceback(None)
        is_registered = version in self.registered(open_registry)
        if time.monotonic() < self._away_until:
            raise self._unavailable(version, "is not loaded, and the store is away")
        if not is_registered:
            raise ModelNotFoundError(f"{self._model} has no version {version}.")
        try:
            load = partial(self._from_store, version, open_registry)
            return self._memory.load(version, load)
        except (ModelUnusableError, RegistryError) as error:
            raise self._failed(version, error) from None

    def _from_store(self, version: int, open_registry: Callable[[], Registry]) -> Classifier:
        registry = open_registry()
        card = registry.card(self._model, version)
        registry.require_trusted(card, self._alias)
        return self._tried(registry, card)

    def _tried(self, registry: Registry, card: ModelCard) -> Classifier:
        classifier = load_classifier(registry, card)
        self.refused.pop(card.version, None)
        return classifier

    def _failed(self, version: int, error: Exception) -> RequestError:
        """What a client is told; what exactly is wrong is for those who keep the store."""
        if isinstance(error, StoreUnavailableError):
            self.note_outage(error)
            return self._unavailable(version, "is not loaded, and the store is away")
        failure: RequestError
        if isinstance(error, DeletedError):
            failure = ModelNotFoundError(f"{self._model} version {version} was deleted.")
        else:
            failure = self._unavailable(version, "cannot be served")
            if self._refuse(version, error):
                self._report(f"not serving {self._model} version {version}: {error}")
        self._failures[version] = (time.monotonic() + self._retry_after_s, failure)
        return failure

    def _refuse(self, version: int, error: Exception) -> bool:
        """Note why the version cannot be served; whether that is new."""
        reason = str(error)
        if self.refused.get(version) == reason:
            return False
        self.refused[version] = reason
        self._observer.refused(version, error)
        return True

    def _unavailable(self, version: int, why: str) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"{self._model} version {version} {why}.", retry_after_s=self._retry_after_s
        )
