"""Backpropagation, written out.

For the layers l = 1 … L, with a⁰ the pixels divided by 255, the forward pass computes

    zˡ = Wˡ aˡ⁻¹ + bˡ        aˡ = σ(zˡ)

and the backward pass, by the chain rule, the error δˡ = ∂C/∂zˡ of each layer from the next one's,
and from the errors the gradients (Rumelhart, Hinton and Williams, 1986):

    δᴸ = ∂C/∂zᴸ, which the loss gives
    δˡ = (Wˡ⁺¹)ᵀ δˡ⁺¹ ⊙ σ′(zˡ)
    ∂C/∂Wˡ = δˡ (aˡ⁻¹)ᵀ        ∂C/∂bˡ = δˡ, summed over the images

PyTorch's autograd computes the same; this does it in buffers that are allocated once and builds no
graph, in half the time. Rows are images, except in the last layer, where columns are: see Loss.

The products may be computed in bfloat16 (Micikevicius et al., "Mixed precision training", 2018;
Kalamkar et al., 2019): twice as fast where the processor has it, and no scaling of the loss is
needed, as its exponents are float32's. Parameters, loss and steps keep their own precision.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from registry.contract import IMAGE_PIXELS
from training.activations import ACTIVATIONS
from training.losses import Loss
from training.network import WHITE, Network


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
    outputs: Tensor
    logits: Tensor
    logits_error: Tensor
    outputs_error: Tensor


class Backpropagation:
    """Computes the loss of minibatches and its gradient."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        images: Tensor,
        labels: Tensor,
        *,
        open_set: bool = False,
        precision: torch.dtype | None = None,
    ) -> None:
        """Train `network` on images uint8 [N, 28, 28] and labels int64 [N], all on one device.

        With `open_set` the loss sees one more logit, which is always zero, and the label 10 stands
        for an image that is no digit: such images push all ten logits below zero. A softmax does
        not mind that their level is used so. The products are computed in `precision`, which is the
        parameters' own unless given.
        """
        self.gradient = torch.zeros_like(network.parameters)
        """∂(mean loss)/∂parameters of the last minibatch."""
        self.loss_sum = network.parameters.new_zeros(())
        """Sum of the losses of all images so far; on the device: reading it would stall a GPU."""
        self.correct = torch.zeros((), dtype=torch.int64, device=images.device)
        """How many images so far had their largest logit at their label."""
        self.logits_error = self.gradient.new_empty(0, 0)
        """∂(mean loss)/∂logits [classes, n] of the last minibatch."""
        self._parameters = network.parameters
        # Without a precision of their own, the products use the network and its gradient as such.
        self._network = network.to(precision) if precision else network
        self._gradient = self.gradient.to(self._network.parameters.dtype)
        self.gradients = network.views(self.gradient)
        """The same, layer by layer."""
        self._gradients = network.views(self._gradient)
        self._loss = loss
        self._images = images.view(len(images), IMAGE_PIXELS)
        self._labels = labels
        self._classes = network.sizes[-1] + open_set
        self._one_hot = torch.eye(self._classes, dtype=self.gradient.dtype, device=images.device)
        self._buffers: dict[int, _Buffers] = {}

    def run(self, batch: Tensor) -> None:
        """Compute loss and gradient of the images whose numbers int64 [n] are in `batch`."""
        buffers = self._buffers_for(len(batch))
        torch.index_select(self._images, 0, batch, out=buffers.images)
        torch.index_select(self._labels, 0, batch, out=buffers.labels)
        torch.index_select(self._one_hot, 1, buffers.labels, out=buffers.target)
        buffers.pixels.copy_(buffers.images)
        self._network.parameters.copy_(self._parameters)
        self._forward(buffers)
        buffers.logits.copy_(buffers.outputs)
        self.loss_sum += self._loss.evaluate(buffers.logits, buffers.target, buffers.logits_error)
        self.correct += _count_correct(buffers.logits, buffers.labels)
        buffers.outputs_error.copy_(buffers.logits_error)
        self.logits_error = buffers.logits_error
        self._backward(buffers)
        self.gradient.copy_(self._gradient)

    def reset(self) -> None:
        """Begin a new epoch's sums."""
        self.loss_sum.zero_()
        self.correct.zero_()

    def _forward(self, buffers: _Buffers) -> None:
        activate = ACTIVATIONS[self._network.activation].apply
        *hidden, last = self._network.layers
        values, scale = buffers.pixels, 1 / WHITE
        for layer, sums, activations in zip(hidden, buffers.sums, buffers.activations, strict=True):
            torch.addmm(layer.bias, values, layer.weight.t(), alpha=scale, out=sums)
            activate(sums, activations)
            values, scale = activations, 1.0
        outputs = buffers.outputs[: len(last.bias)]
        torch.addmm(last.bias.unsqueeze(1), last.weight, values.t(), alpha=scale, out=outputs)

    def _backward(self, buffers: _Buffers) -> None:
        inputs = [buffers.pixels, *buffers.activations]
        differentiate = ACTIVATIONS[self._network.activation].backward
        error = buffers.outputs_error[: self._network.sizes[-1]].t()
        for index in reversed(range(len(self._gradients))):
            gradient = self._gradients[index]
            scale = 1 / WHITE if index == 0 else 1.0
            torch.addmm(
                gradient.weight, error.t(), inputs[index], beta=0, alpha=scale, out=gradient.weight
            )
            torch.sum(error, 0, out=gradient.bias)
            if index > 0:
                below = buffers.errors[index - 1]
                torch.mm(error, self._network.layers[index].weight, out=below)
                differentiate(below, buffers.sums[index - 1], buffers.activations[index - 1], below)
                error = below

    def _buffers_for(self, images: int) -> _Buffers:
        """An epoch has two sizes of minibatch at most: the full one and the last."""
        if images not in self._buffers:
            self._buffers[images] = self._allocate(images)
        return self._buffers[images]

    def _allocate(self, images: int) -> _Buffers:
        new = self._gradient.new_empty
        hidden = self._network.sizes[1:-1]
        outputs = self._gradient.new_zeros(self._classes, images)
        outputs_error = torch.empty_like(outputs)
        return _Buffers(
            images=self._images.new_empty(images, IMAGE_PIXELS),
            labels=self._labels.new_empty(images),
            target=self.gradient.new_empty(self._classes, images),
            pixels=new(images, IMAGE_PIXELS),
            sums=[new(images, width) for width in hidden],
            activations=[new(images, width) for width in hidden],
            errors=[new(images, width) for width in hidden],
            outputs=outputs,
            # The same tensors where the loss is computed in the precision of the products.
            logits=outputs.to(self.gradient.dtype),
            logits_error=outputs_error.to(self.gradient.dtype),
            outputs_error=outputs_error,
        )


def _count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    # An argmax over so short an axis takes ten times as long.
    return (logits.gather(0, labels.unsqueeze(0)) == logits.amax(0)).sum()
