"""Stop when the validation loss no longer falls, and go back to where it was lowest."""

import math

from torch import Tensor


class EarlyStopping:
    """Watches the validation loss over the epochs; never stops where `patience` is 0."""

    def __init__(self, patience: int) -> None:
        """Wait for a new lowest loss for `patience` epochs."""
        self._patience = patience
        self._lowest = math.inf
        self._epochs_since = 0
        self._best: Tensor | None = None

    def is_over(self, validation_loss: float, parameters: Tensor) -> bool:
        """Whether to stop after this epoch."""
        if not self._patience:
            return False
        if validation_loss < self._lowest:
            self._lowest, self._epochs_since, self._best = validation_loss, 0, parameters.clone()
        else:
            self._epochs_since += 1
        return self._epochs_since >= self._patience

    def restore_best(self, parameters: Tensor) -> None:
        """Make `parameters` those of the epoch with the lowest validation loss."""
        if self._best is not None:
            parameters.copy_(self._best)
