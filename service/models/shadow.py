"""Let another version read what the served one has read, beside the requests, and compare."""

import threading
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.models.classifier import Classifier, Reading
from service.models.observer import Observer
from service.models.routing import is_chosen

# They wait in 3 MB.
_MOST_WAITING_IMAGES = 4096


class _Answered(NamedTuple):
    version: int
    pixels: NDArray[np.uint8]
    digits: NDArray[np.int64]


class Shadow:
    """A version that answers nobody. What it is too slow for is dropped, and counted."""

    def __init__(self, percent: float, observer: Observer) -> None:
        """Look at `percent` of the requests."""
        self.classifier: Classifier | None = None
        self._percent = percent
        self._observer = observer
        self._queue: SimpleQueue[_Answered] = SimpleQueue()
        self._waiting_images = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Compare from now on, in a daemon thread of this process."""
        threading.Thread(target=self._run, name="shadow", daemon=True).start()

    def witness(self, version: int, pixels: NDArray[np.uint8], reading: Reading) -> None:
        """Take note of what the served version made of uint8 [N, 28, 28]; returns at once."""
        shadow = self.classifier
        if shadow is None or not is_chosen(self._percent, None):
            return
        with self._lock:
            has_room = self._waiting_images + len(pixels) <= _MOST_WAITING_IMAGES
            if has_room:
                self._waiting_images += len(pixels)
        if not has_room:
            self._observer.dropped(shadow.card.version, len(pixels))
            return
        # A copy: the pixels may be a view of a request's whole body.
        self._queue.put(_Answered(version, pixels.copy(), reading.probabilities.argmax(1)))

    def compare_next(self, timeout_s: float | None = None) -> None:
        """Wait for the next request that was taken note of, and let the shadow read it.

        Raises queue.Empty where there is none in time.
        """
        answered = self._queue.get(timeout=timeout_s)
        with self._lock:
            self._waiting_images -= len(answered.pixels)
        shadow = self.classifier
        if shadow is None:
            return
        version = shadow.card.version
        try:
            reading = shadow.predict(answered.pixels)
        except Exception:  # noqa: BLE001 - onnxruntime's errors have no common base
            self._observer.failed("shadow", version)
            return
        self._observer.answered("shadow", version, reading)
        agreed = int((reading.probabilities.argmax(1) == answered.digits).sum())
        self._observer.compared(
            answered.version, version, images=len(answered.digits), agreed=agreed
        )

    def _run(self) -> None:
        while True:
            self.compare_next()
