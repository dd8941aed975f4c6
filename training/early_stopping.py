"""Stop when the validation loss no longer falls, and go back to where it was lowest."""

import math
from typing import Any

from torch import Tensor


class EarlyStopping:
    """Watches the validation loss over the epochs; never stops where `patience` is 0."""

    def __init__(self, patience: int) -> None:
        """Wait for a new lowest loss for `patience` epochs."""
        self._patience = patience
        self._lowest = math.inf
        self._epochs_since = 0
        self._best: Tensor | None = None

    @property
    def is_over(self) -> bool:
        """Whether there has been no new lowest loss for too long."""
        return bool(self._patience) and self._epochs_since >= self._patience

    def watch(self, validation_loss: float, parameters: Tensor) -> None:
        """Take note of the parameters after an epoch, and of their loss."""
        if not self._patience:
            return
        if validation_loss < self._lowest:
            self._lowest, self._epochs_since, self._best = validation_loss, 0, parameters.clone()
        else:
            self._epochs_since += 1

    def restore_best(self, parameters: Tensor) -> None:
        """Make `parameters` those of the epoch with the lowest validation loss."""
        if self._best is not None:
            parameters.copy_(self._best)

    def state(self) -> dict[str, Any]:
        """What there is to remember from epoch to epoch."""
        return {"lowest": self._lowest, "epochs_since": self._epochs_since, "best": self._best}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what `state` says."""
        self._lowest, self._epochs_since = state["lowest"], state["epochs_since"]
        self._best = state["best"]
