import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from training.activations import ACTIVATIONS, ActivationName
from training.backpropagation import Backpropagation
from training.losses import LOSSES, LossName
from training.network import Network

IMAGES, SIDES = 6, (784, 5, 4, 10)


def network(activation: ActivationName, sizes: tuple[int, ...] = SIDES, seed: int = 0) -> Network:
    """A small network in float64."""
    count = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
    generator = torch.Generator().manual_seed(seed)
    parameters = torch.randn(count, generator=generator, dtype=torch.float64) * 0.2
    return Network(sizes, activation, parameters)


def digits(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (IMAGES, 28, 28), generator=generator, dtype=torch.uint8)
    return images, torch.randint(0, 10, (IMAGES,), generator=generator)


def reference_loss(loss: LossName, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean loss by PyTorch's own functions, which autograd differentiates."""
    target = functional.one_hot(labels, 10).to(logits.dtype)
    if loss == "categorical_cross_entropy":
        return functional.cross_entropy(logits, labels)
    if loss == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits(logits, target)
    return functional.mse_loss(logits.softmax(1), target)


def reference_logits(parameters: Tensor, like: Network, images: Tensor) -> Tensor:
    functions = {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "gelu": functional.gelu,
    }
    values = images.flatten(1).double() / 255
    *hidden, last = like.views(parameters)
    for layer in hidden:
        values = functions[like.activation](functional.linear(values, layer.weight, layer.bias))
    return functional.linear(values, last.weight, last.bias)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (7, 6, 5, 4)])
def test_gradient_is_autograds(
    loss: LossName, activation: ActivationName, hidden: tuple[int, ...]
) -> None:
    ours = network(activation, (784, *hidden, 10))
    images, labels = digits()
    parameters = ours.parameters.clone().requires_grad_()
    expected_loss = reference_loss(loss, reference_logits(parameters, ours, images), labels)
    (expected,) = torch.autograd.grad(expected_loss, parameters)

    backpropagation = Backpropagation(ours, LOSSES[loss], images, labels)
    backpropagation.run(torch.arange(IMAGES))

    assert torch.allclose(backpropagation.gradient, expected, rtol=1e-10, atol=1e-14)
    assert backpropagation.loss_sum.item() / IMAGES == pytest.approx(expected_loss.item())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_gradient_is_that_of_finite_differences(loss: LossName, activation: ActivationName) -> None:
    ours = network(activation, (784, 3, 10))
    images, labels = digits()
    step = 1e-6

    def loss_at(parameters: Tensor) -> float:
        moved = Network(ours.sizes, activation, parameters)
        return reference_loss(loss, moved.logits(images), labels).item()

    backpropagation = Backpropagation(ours, LOSSES[loss], images, labels)
    backpropagation.run(torch.arange(IMAGES))

    # Some weights of each layer, and all biases: each costs two passes.
    some = [*range(0, 784 * 3, 97), *range(784 * 3, len(ours.parameters))]
    for index in some:
        nudge = torch.zeros_like(ours.parameters)
        nudge[index] = step
        slope = (loss_at(ours.parameters + nudge) - loss_at(ours.parameters - nudge)) / (2 * step)
        assert backpropagation.gradient[index].item() == pytest.approx(slope, rel=1e-4, abs=1e-9)


@given(order=st.permutations(range(IMAGES)), cut=st.integers(1, IMAGES - 1))
def test_minibatches_of_any_size_follow_one_another(order: list[int], cut: int) -> None:
    ours = network("relu")
    images, labels = digits()
    whole = Backpropagation(ours, LOSSES["categorical_cross_entropy"], images, labels)
    parts = Backpropagation(ours, LOSSES["categorical_cross_entropy"], images, labels)

    whole.run(torch.arange(IMAGES))
    total = torch.zeros_like(whole.gradient)
    for part in (order[:cut], order[cut:]):
        parts.run(torch.tensor(part))
        total += parts.gradient * len(part)

    assert torch.allclose(total / IMAGES, whole.gradient, atol=1e-12)
    assert parts.loss_sum.item() == pytest.approx(whole.loss_sum.item())
    assert parts.correct == whole.correct


def test_correct_counts_largest_logits() -> None:
    ours = network("relu", (784, 10))
    images, labels = digits()
    predicted = ours.logits(images).argmax(1)
    labels[:4], labels[4:] = predicted[:4], (predicted[4:] + 1) % 10

    backpropagation = Backpropagation(ours, LOSSES["mean_squared_error"], images, labels)
    backpropagation.run(torch.arange(IMAGES))

    assert backpropagation.correct == 4


def test_an_image_of_no_digit_lowers_all_logits() -> None:
    ours = network("tanh", (784, 5, 10))
    images, labels = digits()
    labels[::2] = 10
    parameters = ours.parameters.clone().requires_grad_()
    logits = reference_logits(parameters, ours, images)
    with_no_digit = torch.cat([logits, torch.zeros(IMAGES, 1)], 1)
    expected_loss = torch.nn.functional.cross_entropy(with_no_digit, labels)
    (expected,) = torch.autograd.grad(expected_loss, parameters)

    backpropagation = Backpropagation(
        ours, LOSSES["categorical_cross_entropy"], images, labels, open_set=True
    )
    backpropagation.run(torch.arange(IMAGES))

    assert torch.allclose(backpropagation.gradient, expected, rtol=1e-10, atol=1e-14)
    assert backpropagation.loss_sum.item() / IMAGES == pytest.approx(expected_loss.item())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bfloat16_comes_close_and_keeps_the_parameters(activation: ActivationName) -> None:
    ours = network(activation).to(torch.float32)
    images, labels = digits()
    before = ours.parameters.clone()
    exact, rounded = (
        Backpropagation(
            ours, LOSSES["categorical_cross_entropy"], images, labels, precision=precision
        )
        for precision in (None, torch.bfloat16)
    )

    for backpropagation in (exact, rounded):
        backpropagation.run(torch.arange(IMAGES))

    error = (rounded.gradient - exact.gradient).norm() / exact.gradient.norm()
    assert 0 < error < 0.03
    assert rounded.gradient.dtype == rounded.logits_error.dtype == torch.float32
    assert rounded.loss_sum.item() == pytest.approx(exact.loss_sum.item(), rel=0.01)
    assert torch.equal(ours.parameters, before)


def test_bfloat16_follows_the_parameters() -> None:
    ours = network("relu").to(torch.float32)
    images, labels = digits()
    loss = LOSSES["categorical_cross_entropy"]
    backpropagation = Backpropagation(ours, loss, images, labels, precision=torch.bfloat16)

    backpropagation.run(torch.arange(IMAGES))
    ours.parameters.zero_()
    backpropagation.reset()
    backpropagation.run(torch.arange(IMAGES))

    assert backpropagation.loss_sum.item() / IMAGES == pytest.approx(math.log(10), rel=1e-5)
