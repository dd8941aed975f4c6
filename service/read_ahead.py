"""Fetch what will be served while Python still imports what serves it."""

from contextlib import suppress
from threading import Thread

from registry.catalog import Registry
from registry.contract import GOLDEN_FILE, MODEL_FILE
from registry.errors import RegistryError
from registry.settings import RegistrySettings, open_registry


class ReadAhead:
    """Opens the registry of a service, and has begun to fill its cache.

    A bucket takes as long to answer a few requests as onnxruntime and Flask take to be imported.
    """

    def __init__(self, settings: RegistrySettings) -> None:
        """Begin, where reading takes requests; raises RegistryError where settings are wrong."""
        self._settings = settings
        self._registry: Registry | None = open_registry(settings)
        self._thread = Thread(target=self._fill, args=[self._registry], daemon=True)
        if not self._registry.store.is_local:
            self._thread.start()

    def open(self) -> Registry:
        """The registry, with what was fetched; another one after the first time.

        A connection does not survive a fork, so each worker opens the registry anew.
        """
        registry, self._registry = self._registry, None
        if registry is None:
            return open_registry(self._settings)
        if self._thread.ident is not None:
            self._thread.join()
        return registry

    def _fill(self, registry: Registry) -> None:
        # Whatever is wrong, the service meets it again, and says so.
        with suppress(RegistryError):
            card = registry.resolve(self._settings.model, self._settings.alias).card
            for file in (MODEL_FILE, GOLDEN_FILE):
                registry.fetch(card, file)
