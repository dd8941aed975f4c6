"""Backpropagation through all members at once.

The formulas are those of training.backpropagation, with a product of matrices for each member in
place of each product. Every member has a minibatch of its own.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from registry.contract import IMAGE_PIXELS
from training.activations import ACTIVATIONS
from training.network import WHITE
from training.population.losses import PopulationLoss
from training.population.members import Population


@dataclass(frozen=True)
class _Buffers:
    """Everything that one size of minibatch needs."""

    images: Tensor
    labels: Tensor
    target: Tensor
    pixels: Tensor
    sums: list[Tensor]
    activations: list[Tensor]
    errors: list[Tensor]
    logits: Tensor
    logits_error: Tensor


class PopulationBackpropagation:
    """Computes the losses of the members' minibatches and their gradients."""

    def __init__(
        self, population: Population, loss: PopulationLoss, images: Tensor, labels: Tensor
    ) -> None:
        """Train on images uint8 [N, 28, 28] and labels int64 [N], all on one device."""
        self.gradient = torch.zeros_like(population.parameters)
        """∂(mean loss)/∂parameters of each member's last minibatch, [K, P]."""
        self.loss_sums = population.parameters.new_zeros(len(population))
        """Sums of the losses of all images so far [K], on the device."""
        self.correct = torch.zeros(len(population), dtype=torch.int64, device=images.device)
        """How many images so far had their largest logit at their label [K]."""
        self._population = population
        self.gradients = population.views(self.gradient)
        """The same, layer by layer."""
        self._loss = loss
        self._images = images.view(len(images), IMAGE_PIXELS)
        self._labels = labels
        self._buffers: dict[int, _Buffers] = {}

    def run(self, batches: Tensor) -> None:
        """Compute losses and gradients; row k of int64 [K, n] numbers the images of member k."""
        buffers = self._buffers_for(batches.shape[1])
        numbers = batches.flatten()
        torch.index_select(self._images, 0, numbers, out=buffers.images)
        torch.index_select(self._labels, 0, numbers, out=buffers.labels)
        labels = buffers.labels.view(len(self._population), 1, -1)
        buffers.target.zero_().scatter_(1, labels, 1.0)
        buffers.pixels.copy_(buffers.images.view_as(buffers.pixels))
        self._forward(buffers)
        self.loss_sums += self._loss(buffers.logits, buffers.target, buffers.logits_error)
        self.correct += count_correct(buffers.logits, labels)
        self._backward(buffers)

    def reset(self) -> None:
        """Begin a new epoch's sums."""
        self.loss_sums.zero_()
        self.correct.zero_()

    def _forward(self, buffers: _Buffers) -> None:
        activate = ACTIVATIONS[self._population.activation].apply
        *hidden, last = self._population.layers
        values, scale = buffers.pixels, 1 / WHITE
        for layer, sums, activations in zip(hidden, buffers.sums, buffers.activations, strict=True):
            bias = layer.bias.unsqueeze(1)
            torch.baddbmm(bias, values, layer.weight.mT, alpha=scale, out=sums)
            activate(sums, activations)
            values, scale = activations, 1.0
        bias = last.bias.unsqueeze(2)
        torch.baddbmm(bias, last.weight, values.mT, alpha=scale, out=buffers.logits)

    def _backward(self, buffers: _Buffers) -> None:
        inputs = [buffers.pixels, *buffers.activations]
        differentiate = ACTIVATIONS[self._population.activation].backward
        error = buffers.logits_error.mT
        for index in reversed(range(len(self.gradients))):
            weight, bias = self.gradients[index]
            scale = 1 / WHITE if index == 0 else 1.0
            torch.baddbmm(weight, error.mT, inputs[index], beta=0, alpha=scale, out=weight)
            torch.sum(error, 1, out=bias)
            if index > 0:
                below = buffers.errors[index - 1]
                torch.bmm(error, self._population.layers[index].weight, out=below)
                differentiate(below, buffers.sums[index - 1], buffers.activations[index - 1], below)
                error = below

    def _buffers_for(self, images: int) -> _Buffers:
        """There are few sizes: the full minibatch, the last one, and that of the diagnosis."""
        if images not in self._buffers:
            self._buffers[images] = self._allocate(images)
        return self._buffers[images]

    def _allocate(self, images: int) -> _Buffers:
        new, members = self.gradient.new_empty, len(self._population)
        _, *hidden, outputs = self._population.sizes
        return _Buffers(
            images=self._images.new_empty(members * images, IMAGE_PIXELS),
            labels=self._labels.new_empty(members * images),
            target=new(members, outputs, images),
            pixels=new(members, images, IMAGE_PIXELS),
            sums=[new(members, images, width) for width in hidden],
            activations=[new(members, images, width) for width in hidden],
            errors=[new(members, images, width) for width in hidden],
            logits=new(members, outputs, images),
            logits_error=new(members, outputs, images),
        )


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """How many of the n images of each member [K] have the largest logit [K, 10, n] at the label.

    Labels are int64 [K, 1, n].
    """
    return (logits.gather(1, labels) == logits.amax(1, keepdim=True)).sum((1, 2))
