"""Several processes that train one network, each on its shard of the images.

torchrun starts them and tells each its rank; a process that was started without it is alone. All
take every step with the same gradient, and so have the same parameters after it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from training.errors import TrainingError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Group:
    """The processes of one training, and which of them this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that reports and publishes."""
        return self.rank == 0

    def average(self, gradient: Tensor, images: int) -> None:
        """Make `gradient`, a mean over `images` of ours, the mean over all processes' images."""
        if self.size == 1:
            return
        weighted = torch.cat([gradient * images, gradient.new_tensor([images])])
        distributed.all_reduce(weighted)
        torch.div(weighted[:-1], weighted[-1], out=gradient)

    def total(self, *values: float) -> list[float]:
        """Each of the values, summed over all processes."""
        if self.size == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=_exchange_device())
        distributed.all_reduce(sums)
        return sums.tolist()

    def gather(self, value: Value) -> list[Value]:
        """The values of all processes, by rank; any that can be pickled."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def leaders(self, value: Value) -> Value:
        """The value that the leader has, whatever the others' are."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def follow(self, leader: Tensor) -> None:
        """Overwrite the tensor by the leader's."""
        if self.size > 1:
            distributed.broadcast(leader, src=0)

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let the leader do something before the others do it, such as filling a cache."""
        if self.size > 1 and not self.leads:
            distributed.barrier()
        yield
        if self.size > 1 and self.leads:
            distributed.barrier()


ALONE = Group()


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The group that torchrun has started this process in, or ALONE; left at the end.

    Processes on GPUs talk by NCCL, others by Gloo. Raises TrainingError where they do not find
    each other.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (ValueError, RuntimeError) as error:
        raise TrainingError(
            f"WORLD_SIZE is {size}, but the processes do not find each other ({error}): start them "
            "by torchrun, or unset WORLD_SIZE"
        ) from None
    try:
        yield Group(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()


def local_rank() -> int:
    """Which of the processes on this machine this is; 0 where it is alone."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def _exchange_device() -> torch.device:
    nccl = distributed.get_backend() == "nccl"
    return torch.device("cuda", local_rank()) if nccl else torch.device("cpu")
