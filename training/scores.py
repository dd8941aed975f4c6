"""Loss and accuracy over many minibatches."""

import torch
from torch import Tensor

from training.losses import Loss

_AT_ONCE = 64


class Scores:
    """Keeps the logits of minibatches, and scores many at once.

    It takes a dozen operations, which would be an eighth of a step if each minibatch were scored by
    itself. All of it stays on the device of `labels`.
    """

    def __init__(self, loss: Loss, labels: Tensor, like: Tensor, *, classes: int) -> None:
        """Score logits of the dtype of `like` by `labels` int64 [N], which are below `classes`."""
        self._loss = loss
        self._labels = labels
        self._one_hot = torch.eye(classes, dtype=like.dtype, device=like.device)
        self._logits: list[Tensor] = []
        self._batches: list[Tensor] = []
        self._loss_sum = like.new_zeros(())
        self._correct = torch.zeros_like(labels[0])

    def add(self, batch: Tensor, logits: Tensor) -> None:
        """Take in the logits [classes, n] of the images whose numbers int64 [n] are in `batch`."""
        self._logits.append(logits.clone())
        self._batches.append(batch)
        if len(self._batches) == _AT_ONCE:
            self._settle()

    def reset(self) -> None:
        """Forget everything so far."""
        self._forget_logits()
        self._loss_sum.zero_()
        self._correct.zero_()

    @property
    def loss_sum(self) -> Tensor:
        """Sum of the losses of all images so far; on the device: reading it stalls a GPU."""
        self._settle()
        return self._loss_sum

    @property
    def correct(self) -> Tensor:
        """How many images so far had their largest logit at their label."""
        self._settle()
        return self._correct

    def _settle(self) -> None:
        if not self._batches:
            return
        labels = self._labels[torch.cat(self._batches)]
        logits = torch.cat(self._logits, 1)
        self._loss_sum += self._loss.total(logits, self._one_hot[:, labels])
        # An argmax over so short an axis takes ten times as long.
        self._correct += (logits.gather(0, labels.unsqueeze(0)) == logits.amax(0)).sum()
        self._forget_logits()

    def _forget_logits(self) -> None:
        self._batches.clear()
        self._logits.clear()
