"""Which images come in an epoch, in which order, and how they are distorted in it."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from registry.contract import IMAGE_SIDE
from training.augmentation import AUGMENTATIONS, Augmentation, augment
from training.distributed import Group
from training.errors import TrainingError
from training.hard_images import HardImages, images_taken
from training.recipe import Recipe


class Minibatches:
    """Draws minibatches without replacement; the last of an epoch may be smaller than the rest.

    What is drawn depends on the recipe's seed and on the process's rank alone, not on the device.
    """

    def __init__(self, images: Tensor, labels: Tensor, recipe: Recipe, group: Group) -> None:
        """Draw from `images` uint8 [N, n] and `labels` int64 [N], this process's share of them."""
        self.labels = labels
        self._originals = images
        self._augmentation = AUGMENTATIONS[recipe.augmentation]
        self.images = torch.empty_like(images) if self._augmentation else images
        """The images as they are in this epoch."""
        self._recipe = recipe
        self._batch_size = recipe.batch_size // group.size
        self._hard_images = HardImages(len(labels), recipe.epoch_share, labels.device)
        # Far apart, so that no process draws what another draws under the next seed.
        self._generator = torch.Generator().manual_seed((recipe.seed + (group.rank << 40)) % 2**63)

    def epoch(self, number: int) -> Tensor:
        """The numbers int64 of the images of epoch `number`, from 1, in order; they are ready."""
        order = self._hard_images.draw(self._generator).to(self.labels.device)
        if self._augmentation:
            progress = (number - 1) / max(1, self._recipe.epochs - 1)
            strength = 1 + (self._recipe.final_augmentation - 1) * progress
            self._distort(self._augmentation.scaled(strength), order.sort().values)
        return order

    def of(self, order: Tensor, steps: int) -> Iterator[Tensor]:
        """An epoch's minibatches, as many as there are steps, the last ones empty if need be."""
        yield from torch.split(order, self._batch_size)
        # The last minibatch may leave nothing for some of the processes.
        for _ in range(steps - math.ceil(len(order) / self._batch_size)):
            yield order[:0]

    def learn_errors(self, batch: Tensor, logits_error: Tensor) -> None:
        """Take in how far off the network was with a minibatch; see HardImages."""
        self._hard_images.update(batch, logits_error)

    def state(self) -> dict[str, Any]:
        """All that the epochs to come depend on."""
        return {"generator": self._generator.get_state(), "errors": self._hard_images.errors}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self._generator.set_state(state["generator"])
        self._hard_images.errors.copy_(state["errors"])

    def _distort(self, augmentation: Augmentation, numbers: Tensor) -> None:
        """Put new variants of the images with these numbers into their places."""
        images = self._originals[numbers].view(-1, IMAGE_SIDE, IMAGE_SIDE)
        augment(images, augmentation, self._generator, out=images)
        self.images[numbers] = images.flatten(1)


def steps_per_epoch(recipe: Recipe, images: int, group: Group) -> int:
    """The steps of an epoch over so many images in all.

    Raises TrainingError where a minibatch would be larger than the training set, or cannot be
    shared out evenly.
    """
    if recipe.batch_size > images:
        raise TrainingError(
            f"--batch-size is {recipe.batch_size}, but there are only {images} images to train on"
        )
    if recipe.batch_size % group.size:
        raise TrainingError(
            f"--batch-size is {recipe.batch_size}, which {group.size} processes cannot share "
            f"evenly: use a multiple of {group.size}"
        )
    # As many as the process with the most images needs.
    most = images_taken(math.ceil(images / group.size), recipe.epoch_share)
    return math.ceil(most / (recipe.batch_size // group.size))
