import math

import numpy as np
import pytest
import torch

from training.mnist import Digits, Mnist
from training.model import MultilayerPerceptron, build
from training.recipe import Recipe
from training.train import Epoch, TrainingError, pick_device, train


def run(sample: Mnist, recipe: Recipe) -> tuple[MultilayerPerceptron, list[Epoch]]:
    model = build(recipe)
    return model, list(train(model, sample.train, recipe))


def test_network_has_the_textbook_shape() -> None:
    model = build(Recipe(hidden_layers=3))

    shapes = [(layer.in_features, layer.out_features) for layer in model.linear_layers()]
    assert shapes == [(784, 64), (64, 64), (64, 64), (64, 10)]


def test_logits_are_those_of_scaled_pixels() -> None:
    model = build(Recipe(hidden_layers=0))
    (layer,) = model.linear_layers()
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8)

    assert torch.allclose(model(white), layer.weight.sum(1) + layer.bias, atol=1e-5)


def test_training_learns_the_sample(sample: Mnist) -> None:
    _, history = run(sample, Recipe(learning_rate=0.1, batch_size=20, epochs=15))

    assert [epoch.number for epoch in history] == list(range(1, 16))
    assert history[-1].accuracy > 0.98
    assert history[-1].loss < history[0].loss / 10


def test_same_seed_gives_the_same_weights(sample: Mnist) -> None:
    recipe = Recipe(epochs=2, seed=7)
    first, _ = run(sample, recipe)
    second, _ = run(sample, recipe)

    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_seed_gives_other_weights() -> None:
    first, second = build(Recipe(seed=0)), build(Recipe(seed=1))

    assert not torch.equal(first.linear_layers()[0].weight, second.linear_layers()[0].weight)


def test_first_step_is_gradient_descent(sample: Mnist) -> None:
    recipe = Recipe(epochs=1, batch_size=600, learning_rate=0.5)
    model = build(recipe)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    logits = model(torch.tensor(sample.train.images))
    labels = torch.tensor(sample.train.labels, dtype=torch.int64)
    loss = -logits.log_softmax(1)[range(600), labels].mean()
    gradients = torch.autograd.grad(loss, list(model.parameters()))

    list(train(model, sample.train, recipe))

    for old, gradient, new in zip(before, gradients, model.parameters(), strict=True):
        assert torch.allclose(new, old - 0.5 * gradient, atol=1e-6)


def test_last_minibatch_may_be_smaller(sample: Mnist) -> None:
    model = build(Recipe())
    sizes: list[int] = []
    model.register_forward_hook(lambda _model, inputs, _logits: sizes.append(len(inputs[0])))

    list(train(model, sample.train, Recipe(epochs=1, batch_size=256)))

    assert sizes == [256, 256, 88]


def test_every_epoch_sees_every_image_once_in_another_order() -> None:
    # Image i is uniformly i, so that the order can be read off the batches.
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1).repeat(28, 1).repeat(28, 2)
    model = build(Recipe())
    seen: list[int] = []
    model.register_forward_hook(lambda _m, inputs, _l: seen.extend(inputs[0][:, 0, 0].tolist()))

    list(train(model, Digits(images, np.zeros(200, np.uint8)), Recipe(epochs=2, batch_size=64)))

    first, second = seen[:200], seen[200:]
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second


def test_loss_of_an_untrained_network_is_near_log_ten(sample: Mnist) -> None:
    _, (epoch,) = run(sample, Recipe(epochs=1, learning_rate=1e-9))

    assert epoch.loss == pytest.approx(math.log(10), abs=0.05)


def test_diverging_training_is_stopped_with_advice(sample: Mnist) -> None:
    with pytest.raises(TrainingError, match=r"diverges at --learning-rate 10\.0"):
        run(sample, Recipe(learning_rate=10, epochs=50, hidden_layers=4))


def test_batch_larger_than_the_data_is_refused(sample: Mnist) -> None:
    with pytest.raises(TrainingError, match="--batch-size is 601, but there are only 600"):
        run(sample, Recipe(batch_size=601))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_gpu_is_refused() -> None:
    assert pick_device("auto").type == "cpu"
    with pytest.raises(TrainingError, match="finds no GPU"):
        pick_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_gpu_learns_as_the_cpu_does(sample: Mnist) -> None:
    recipe = Recipe(epochs=3, learning_rate=0.1, batch_size=20)
    on_cpu, on_gpu = build(recipe), build(recipe).to(pick_device("cuda"))

    for one, other in zip(
        train(on_cpu, sample.train, recipe), train(on_gpu, sample.train, recipe), strict=True
    ):
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
