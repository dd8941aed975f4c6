"""Backpropagation, written out.

For the layers l = 1 … L, with a⁰ the pixels divided by 255, the forward pass computes

    zˡ = Wˡ aˡ⁻¹ + bˡ        aˡ = σ(zˡ)

and the backward pass, by the chain rule, the error δˡ = ∂C/∂zˡ of each layer from the next one's,
and from the errors the gradients (Rumelhart, Hinton and Williams, 1986):

    δᴸ = ∂C/∂zᴸ, which the loss gives
    δˡ = (Wˡ⁺¹)ᵀ δˡ⁺¹ ⊙ σ′(zˡ)
    ∂C/∂Wˡ = δˡ (aˡ⁻¹)ᵀ        ∂C/∂bˡ = δˡ, summed over the images

PyTorch's autograd computes the same. Here the operations of a step are listed once for each size
of minibatch, on buffers that are allocated once, and from then on only repeated: no graph is built,
no view is made anew, and on a GPU the whole list is one launch. Columns are images, as above.

The products may be computed in bfloat16 (Micikevicius et al., "Mixed precision training", 2018;
Kalamkar et al., 2019): twice as fast where the processor multiplies such numbers (avx512_bf16, and
GPUs), a third as fast where it does not. No scaling of the loss is needed, as the exponents are
float32's. Parameters, loss and steps keep their own precision.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from training.activations import ACTIVATIONS
from training.cuda_graph import captured
from training.losses import Loss
from training.network import WHITE, Network
from training.scores import Scores

Operation = Callable[[], object]


@dataclass(frozen=True)
class _Buffers:
    """Everything that one size of minibatch needs."""

    batch: Tensor
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


@dataclass(frozen=True)
class _Step:
    """What is done with each minibatch of one size."""

    batch: Tensor
    """The numbers int64 [n] of its images, to be written before."""
    forward: list[Operation]
    backward: list[Operation]
    logits: Tensor
    logits_error: Tensor

    def measure(self) -> None:
        """Compute the logits."""
        for operation in self.forward:
            operation()

    @cached_property
    def run(self) -> Operation:
        """Computes the logits and the gradient."""
        operations = [*self.forward, *self.backward]

        def perform() -> None:
            for operation in operations:
                operation()

        return captured(perform) if self.batch.is_cuda else perform


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
        """Train `network` on images uint8 [N, …] and labels int64 [N], all on one device.

        With `open_set` the loss sees one more logit, which is always zero, and the label 10 stands
        for an image that is no digit: such images push all ten logits below zero. A softmax does
        not mind that their level is used so. The products are computed in `precision`, which is the
        parameters' own unless given.
        """
        self.gradient = torch.zeros_like(network.parameters)
        """∂(mean loss)/∂parameters of the last minibatch."""
        self.gradients = network.views(self.gradient)
        """The same, layer by layer."""
        self.logits_error = self.gradient.new_empty(0, 0)
        """∂(mean loss)/∂logits [classes, n] of the last minibatch."""
        self._parameters = network.parameters
        # Without a precision of their own, the products are those of the network itself.
        self._network = network.to(precision) if precision else network
        self._gradient = self.gradient.to(self._network.parameters.dtype)
        self._loss = loss
        self._images = images.flatten(1)
        self._labels = labels
        self._classes = network.sizes[-1] + open_set
        self._one_hot = torch.eye(self._classes, dtype=self.gradient.dtype, device=images.device)
        self._scores = Scores(loss, labels, self.gradient, classes=self._classes)
        self._steps: dict[int, _Step] = {}

    @property
    def loss_sum(self) -> Tensor:
        """Sum of the losses of all images since `reset`; on the device: see Scores."""
        return self._scores.loss_sum

    @property
    def correct(self) -> Tensor:
        """How many images since `reset` had their largest logit at their label."""
        return self._scores.correct

    def reset(self) -> None:
        """Begin a new epoch's sums."""
        self._scores.reset()

    def run(self, batch: Tensor) -> None:
        """Compute loss and gradient of the images whose numbers int64 [n] are in `batch`."""
        step = self._step_for(batch)
        step.run()
        self.logits_error = step.logits_error
        self._scores.add(batch, step.logits)

    def measure(self, batch: Tensor) -> None:
        """Compute the loss alone."""
        step = self._step_for(batch)
        step.measure()
        self._scores.add(batch, step.logits)

    def _step_for(self, batch: Tensor) -> _Step:
        """There are few sizes: the full minibatch, the last one, and that of the diagnosis."""
        size = len(batch)
        if size not in self._steps:
            buffers = self._allocate(size)
            forward, backward = self._forward(buffers), self._backward(buffers)
            self._steps[size] = _Step(
                buffers.batch, [*forward], [*backward], buffers.logits, buffers.logits_error
            )
        step = self._steps[size]
        step.batch.copy_(batch)
        return step

    def _forward(self, buffers: _Buffers) -> Iterator[Operation]:
        yield from _copy(self._parameters, self._network.parameters)
        yield partial(torch.index_select, self._images, 0, buffers.batch, out=buffers.images)
        yield partial(buffers.pixels.copy_, buffers.images)
        activate = ACTIVATIONS[self._network.activation].apply
        values, scale = buffers.pixels.t(), 1 / WHITE
        outputs = [*buffers.sums, buffers.outputs[: self._network.sizes[-1]]]
        for index, (layer, sums) in enumerate(zip(self._network.layers, outputs, strict=True)):
            bias = layer.bias.unsqueeze(1)
            yield partial(torch.addmm, bias, layer.weight, values, alpha=scale, out=sums)
            if index < len(buffers.activations):
                values, scale = buffers.activations[index], 1.0
                yield partial(activate, sums, values)
        yield from _copy(buffers.outputs, buffers.logits)

    def _backward(self, buffers: _Buffers) -> Iterator[Operation]:
        yield partial(torch.index_select, self._labels, 0, buffers.batch, out=buffers.labels)
        yield partial(torch.index_select, self._one_hot, 1, buffers.labels, out=buffers.target)
        logits_error = buffers.logits_error
        yield partial(self._loss.differentiate, buffers.logits, buffers.target, logits_error)
        yield from _copy(logits_error, buffers.outputs_error)
        error = buffers.outputs_error[: self._network.sizes[-1]]
        gradients = self._network.views(self._gradient)
        inputs = [buffers.pixels, *(values.t() for values in buffers.activations)]
        differentiate = ACTIVATIONS[self._network.activation].backward
        for index in reversed(range(len(gradients))):
            weight, bias = gradients[index]
            factors, scale = (error, inputs[index]), 1.0 if index else 1 / WHITE
            yield partial(torch.addmm, weight, *factors, beta=0, alpha=scale, out=weight)
            yield partial(torch.sum, error, 1, out=bias)
            if index > 0:
                below = buffers.errors[index - 1]
                sums, activations = buffers.sums[index - 1], buffers.activations[index - 1]
                yield partial(torch.mm, self._network.layers[index].weight.t(), error, out=below)
                yield partial(differentiate, below, sums, activations, below)
                error = below
        yield from _copy(self._gradient, self.gradient)

    def _allocate(self, images: int) -> _Buffers:
        new = self._gradient.new_empty
        hidden = self._network.sizes[1:-1]
        outputs = self._gradient.new_zeros(self._classes, images)
        outputs_error = torch.empty_like(outputs)
        return _Buffers(
            batch=self._labels.new_empty(images),
            images=self._images.new_empty(images, self._network.sizes[0]),
            labels=self._labels.new_empty(images),
            target=self.gradient.new_empty(self._classes, images),
            pixels=new(images, self._network.sizes[0]),
            sums=[new(width, images) for width in hidden],
            activations=[new(width, images) for width in hidden],
            errors=[new(width, images) for width in hidden],
            outputs=outputs,
            # The same tensors where the loss is of the products' precision.
            logits=outputs.to(self.gradient.dtype),
            logits_error=outputs_error.to(self.gradient.dtype),
            outputs_error=outputs_error,
        )


def _copy(source: Tensor, target: Tensor) -> Iterator[Operation]:
    """From one precision to the other; nothing where both are one tensor."""
    if source is not target:
        yield partial(target.copy_, source)
