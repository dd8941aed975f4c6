"""One step of all members; on a GPU it is recorded once and replayed."""

import torch
from torch import Tensor

from training.population.backpropagation import PopulationBackpropagation
from training.population.optimizers import PopulationOptimizer

# Steps before the recording, in which CUDA loads its kernels and cuBLAS takes its workspace.
_WARM_UPS = 3


class Step:
    """Moves all members by one minibatch each.

    A step of a small network is two dozen kernels of a few microseconds, which a GPU finishes
    sooner than the CPU can start them; a CUDA graph starts them all at once. It reads its minibatch
    and learning rates where they were when it was recorded, so they are copied there.
    """

    def __init__(
        self,
        backpropagation: PopulationBackpropagation,
        optimizer: PopulationOptimizer,
        batch_size: int,
    ) -> None:
        """Record the steps of `batch_size` images; an epoch has at most one that is smaller."""
        members, device = len(optimizer.parameters), optimizer.parameters.device
        self._backpropagation = backpropagation
        self._optimizer = optimizer
        self._batches = torch.zeros(members, batch_size, dtype=torch.int64, device=device)
        self._learning_rates = optimizer.parameters.new_zeros(members, 1)
        self._warm_ups = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def run(self, batches: Tensor, learning_rates: Tensor) -> None:
        """Step by the images numbered in int64 [K, n], at the rates [K, 1]."""
        if batches.device.type != "cuda" or batches.shape != self._batches.shape:
            self._run(batches, learning_rates)
            return
        self._batches.copy_(batches)
        self._learning_rates.copy_(learning_rates)
        if self._warm_ups < _WARM_UPS:
            self._warm_ups += 1
            self._run(self._batches, self._learning_rates)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # Records the step, and does not take it.
                self._run(self._batches, self._learning_rates)
        self._graph.replay()

    def _run(self, batches: Tensor, learning_rates: Tensor) -> None:
        self._backpropagation.run(batches)
        self._optimizer.step(self._backpropagation.gradient, learning_rates)
