"""What models have to tell: which version did what, and how two of them compare."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.models.classifier import Classifier, Reading

Role = Literal["primary", "canary", "shadow"]

Witness = Callable[[int, NDArray[np.uint8], Reading], None]
"""Is shown a version, the images uint8 [N, 28, 28] that it was asked about, and its answer."""


class Observer:
    """Is told what the models do; this one makes nothing of it.

    The methods are called from any thread, some of them within a request.
    """

    def exchanged(self, role: Role, version: int) -> None:
        """From now on, the role is this version's."""

    def refused(self, version: int, error: Exception) -> None:
        """A version cannot be served, for a reason that is new: it failed its self-test, say."""

    def checked(self, named: Mapping[Role, Classifier], *, heard: bool, stale_s: float) -> None:
        """A process that answers has asked what the aliases name, and `heard` it or did not.

        `named` is what has each role now; `stale_s` is for how many seconds the primary's alias
        may have named another version, 0 where it does not.
        """

    def answered(self, role: Role, version: int, reading: Reading) -> None:
        """A version has answered a request; only told where there is a canary or a shadow."""

    def failed(self, role: Role, version: int) -> None:
        """A version could not answer a request; only told where there is a canary or a shadow."""

    def compared(self, primary: int, shadow: int, *, images: int, agreed: int) -> None:
        """Of so many images, the shadow read so many as the same digits as the primary had."""

    def dropped(self, shadow: int, images: int) -> None:
        """The shadow is too slow to see these images as well."""


class Observed(Classifier):
    """A classifier whose answers are told to an observer, and shown to a witness."""

    def __init__(
        self,
        classifier: Classifier,
        role: Role,
        observer: Observer,
        witness: Witness | None = None,
    ) -> None:
        """Share the loaded model of `classifier`."""
        vars(self).update(vars(classifier))
        self._role = role
        self._observer = observer
        self._witness = witness

    def predict(self, pixels: NDArray[np.uint8]) -> Reading:  # noqa: D102 - as of any classifier
        version = self.card.version
        try:
            reading = super().predict(pixels)
        except Exception:
            self._observer.failed(self._role, version)
            raise
        self._observer.answered(self._role, version, reading)
        if self._witness:
            self._witness(version, pixels, reading)
        return reading
