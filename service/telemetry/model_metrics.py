"""Count what the models tell."""

from collections.abc import Mapping

from service.errors import SelfTestFailedError
from service.models.classifier import Classifier, Reading
from service.models.observer import Observer, Role
from service.telemetry.metrics import Metrics


class ModelMetrics(Observer):
    """Give this to `Models`, so that it counts what no single request shows."""

    def __init__(self, metrics: Metrics) -> None:
        """Count in `metrics`."""
        self._metrics = metrics

    def exchanged(self, role: Role, version: int) -> None:  # noqa: D102 - as of any observer
        self._metrics.exchanged(role)

    def refused(self, version: int, error: Exception) -> None:  # noqa: D102
        is_self_test = isinstance(error, SelfTestFailedError)
        self._metrics.refused("self_test" if is_self_test else "other")

    def checked(  # noqa: D102
        self, named: Mapping[Role, Classifier], *, heard: bool, stale_s: float
    ) -> None:
        self._metrics.serves(named)
        self._metrics.checked(heard=heard, stale_s=stale_s)

    def answered(self, role: Role, version: int, reading: Reading) -> None:  # noqa: D102
        self._metrics.offered(role, version)
        if role == "shadow":  # Of all others, the request's own answer tells.
            self._metrics.requests.read(version, reading)

    def failed(self, role: Role, version: int) -> None:  # noqa: D102
        self._metrics.offered(role, version)
        self._metrics.failed(role, version)

    def compared(self, primary: int, shadow: int, *, images: int, agreed: int) -> None:  # noqa: D102
        self._metrics.shadowed(shadow, agreed=agreed, differed=images - agreed)

    def dropped(self, shadow: int, images: int) -> None:  # noqa: D102
        self._metrics.shadowed(shadow, dropped=images)
