"""The versions that stay in memory: boundedly many, each loaded once however many ask for it."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from service.models.classifier import Classifier


class LoadedVersions:
    """Classifiers by version number, the least recently used first to go."""

    def __init__(self, limit: int, is_named: Callable[[Classifier], bool]) -> None:
        """Keep `limit` versions beside those that an alias names."""
        self._limit = limit
        self._is_named = is_named
        self._loaded: OrderedDict[int, Classifier] = OrderedDict()
        self._loading: dict[int, Future[Classifier]] = {}
        self._lock = threading.Lock()

    def numbers(self) -> list[int]:
        """The numbers of the versions in memory, lowest first."""
        with self._lock:
            return sorted(self._loaded)

    def get(self, version: int) -> Classifier | None:
        """The version, used as of now, if it is in memory."""
        with self._lock:
            classifier = self._loaded.get(version)
            if classifier is not None:
                self._loaded.move_to_end(version)
            return classifier

    def load(self, version: int, load: Callable[[], Classifier]) -> Classifier:
        """What `load` returns or raises; whoever comes while it runs shares its outcome."""
        with self._lock:
            loading = self._loading.get(version)
            is_first = loading is None
            if loading is None:
                loading = self._loading[version] = Future()
        if not is_first:
            return loading.result()
        try:
            classifier = load()
        except BaseException as error:
            self._end(version)
            loading.set_exception(error)
            raise
        self._end(version, classifier)
        loading.set_result(classifier)
        return classifier

    def trim(self) -> None:
        """Drop what is beyond the limit."""
        with self._lock:
            spare = [number for number, held in self._loaded.items() if not self._is_named(held)]
            for number in spare[: max(0, len(spare) - self._limit)]:
                del self._loaded[number]

    def _end(self, version: int, classifier: Classifier | None = None) -> None:
        with self._lock:
            del self._loading[version]
            if classifier is not None:
                self._loaded[version] = classifier
                self._loaded.move_to_end(version)
        self.trim()
