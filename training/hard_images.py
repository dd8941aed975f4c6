"""Learn more often from the images that the network does not know yet.

Once most images are recognized with certainty, their gradients are next to nothing and the time
spent on them is lost. An epoch may therefore take a share of the images, the hard ones more likely
(Loshchilov and Hutter, "Online batch selection", 2016; Schaul et al., "Prioritized replay", 2016).
"""

import math

import torch
from torch import Tensor

# What an image counts however well it is known, so that none is forgotten. An error counts 0 to 1,
# less than that with other losses than the cross-entropy.
_KNOWN = 0.02

_MEMORY = 0.5


class HardImages:
    """How hard each image was of late, and which images an epoch takes."""

    def __init__(self, images: int, share: float, device: torch.device) -> None:
        """Take `share` of the images in an epoch, rounded up; all of them once where it is 1."""
        self.errors = torch.ones(images, device=device)
        """Running mean of each image's error, which is up to 1."""
        self.count = images_taken(images, share)

    def draw(self, generator: torch.Generator) -> Tensor:
        """The numbers int64 [count] of the images of an epoch, in random order, none twice."""
        order = torch.randperm(self.count, generator=generator)
        if self.count == len(self.errors):
            return order
        # The first to come of arrivals at these rates are a weighted sample without replacement
        # (Efraimidis and Spirakis, 2006).
        waits = torch.empty(len(self.errors)).exponential_(generator=generator)
        waits /= self.errors.cpu() + _KNOWN
        return waits.topk(self.count, largest=False).indices[order]

    def update(self, batch: Tensor, logits_error: Tensor) -> None:
        """Take in ∂(mean loss)/∂logits [classes, n] of the images whose numbers are in `batch`.

        With cross-entropy the error is what the label's probability lacks to 1.
        """
        if self.count == len(self.errors):
            return
        newest = logits_error.abs().sum(0).mul_(len(batch) / 2)
        self.errors[batch] = torch.lerp(newest, self.errors[batch], _MEMORY)


def images_taken(images: int, share: float) -> int:
    """How many of so many images an epoch takes; 0 of 0."""
    return math.ceil(images * share)
