import itertools
import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from training.backpropagation import Backpropagation
from training.device import pick_device
from training.epoch import Epoch
from training.errors import TrainingError
from training.losses import LOSSES, LossName
from training.mnist import Digits, Mnist
from training.network import Network, build
from training.optimizers import OptimizerName
from training.recipe import Recipe
from training.train import train


def run(sample: Mnist, recipe: Recipe) -> tuple[Network, list[Epoch]]:
    model = build(recipe)
    return model, list(train(model, sample.train, recipe))


def test_network_has_the_textbook_shape() -> None:
    network = build(Recipe(hidden_layers=3))

    shapes = [tuple(layer.weight.shape) for layer in network.layers]
    assert shapes == [(64, 784), (64, 64), (64, 64), (10, 64)]
    assert len(network.parameters) == sum((inputs + 1) * outputs for outputs, inputs in shapes)


def test_logits_are_those_of_scaled_pixels() -> None:
    network = build(Recipe(hidden_layers=0))
    (layer,) = network.layers
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8)

    assert torch.allclose(network.logits(white), layer.weight.sum(1) + layer.bias, atol=1e-5)


def test_training_learns_the_sample(sample: Mnist) -> None:
    _, history = run(sample, Recipe(learning_rate=0.1, batch_size=20, epochs=15))

    assert [epoch.number for epoch in history] == list(range(1, 16))
    assert history[-1].training.accuracy > 0.98
    assert history[-1].training.loss < history[0].training.loss / 10


def test_same_seed_gives_the_same_weights(sample: Mnist) -> None:
    recipe = Recipe(epochs=2, seed=7)
    first, _ = run(sample, recipe)
    second, _ = run(sample, recipe)

    assert torch.equal(first.parameters, second.parameters)


def test_another_seed_gives_other_weights() -> None:
    first, second = build(Recipe(seed=0)), build(Recipe(seed=1))

    assert not torch.equal(first.parameters, second.parameters)


def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The numbers of the images in each minibatch, as training draws them."""
    drawn: list[list[int]] = []
    run = Backpropagation.run

    def record(self: Backpropagation, batch: torch.Tensor) -> None:
        drawn.append(batch.tolist())
        run(self, batch)

    monkeypatch.setattr(Backpropagation, "run", record)
    return drawn


def test_last_minibatch_may_be_smaller(sample: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = batches(monkeypatch)

    run(sample, Recipe(epochs=1, batch_size=256))

    *minibatches, _diagnosis = map(len, drawn)
    assert minibatches == [256, 256, 88]


def test_every_epoch_sees_every_image_once_in_another_order(
    sample: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = batches(monkeypatch)

    run(sample, Recipe(epochs=2, batch_size=200))

    first, second = [*itertools.chain(*drawn[:3])], [*itertools.chain(*drawn[4:7])]
    assert sorted(first) == sorted(second) == list(range(600))
    assert first != second


def test_60000_images_make_469_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = batches(monkeypatch)
    digits = Digits(np.zeros((60_000, 28, 28), np.uint8), np.zeros(60_000, np.uint8))

    list(train(build(Recipe(width=1)), digits, Recipe(width=1, epochs=1)))

    *minibatches, _diagnosis = drawn
    assert len(minibatches) == 469
    assert len(minibatches[-1]) == 96


def test_validation_images_are_never_trained_on(
    sample: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = batches(monkeypatch)

    _, history = run(sample, Recipe(epochs=1, validation_size=100))

    assert max(map(max, drawn)) == 499
    assert history[0].validation is not None


def test_validation_score_is_that_of_the_network(sample: Mnist) -> None:
    network, history = run(sample, Recipe(epochs=2, validation_size=100, learning_rate=0.1))
    labels = torch.tensor(sample.train.labels[500:], dtype=torch.int64)

    logits = network.logits(torch.tensor(sample.train.images[500:]))

    validation = history[-1].validation
    assert validation
    assert validation.loss == pytest.approx(
        torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5
    )
    assert validation.accuracy == (logits.argmax(1) == labels).double().mean().item()


def test_early_stopping_goes_back_to_the_best_epoch(sample: Mnist) -> None:
    recipe = Recipe(epochs=200, learning_rate=0.2, batch_size=20, validation_size=200, patience=5)

    network, history = run(sample, recipe)

    losses = [epoch.validation.loss for epoch in history if epoch.validation]
    assert len(losses) == losses.index(min(losses)) + 1 + 5 < 200
    again, _ = run(sample, recipe.model_copy(update={"epochs": len(losses) - 5}))
    assert torch.equal(network.parameters, again.parameters)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_every_loss_can_be_learnt(loss: LossName, optimizer: OptimizerName, sample: Mnist) -> None:
    # The gradients of the other two are smaller: they are means over the ten outputs as well.
    momentum_rate = 0.03 if loss == "categorical_cross_entropy" else 0.2
    rate = 0.003 if optimizer == "adam" else momentum_rate
    recipe = Recipe(loss=loss, optimizer=optimizer, learning_rate=rate, batch_size=20, epochs=20)

    _, history = run(sample, recipe)

    assert history[-1].training.accuracy > 0.9


def test_patience_without_validation_is_refused() -> None:
    with pytest.raises(ValidationError, match="--validation-size is 0"):
        Recipe(patience=3)


def test_best_epoch_is_kept_where_the_epochs_run_out(sample: Mnist) -> None:
    recipe = Recipe(
        epochs=12, learning_rate=0.5, batch_size=20, validation_size=200, patience=12, seed=3
    )

    network, history = run(sample, recipe)

    losses = [epoch.validation.loss for epoch in history if epoch.validation]
    best = losses.index(min(losses)) + 1
    assert best < 12
    again, _ = run(sample, recipe.model_copy(update={"epochs": best}))
    assert torch.equal(network.parameters, again.parameters)


def test_validation_that_leaves_nothing_is_refused(sample: Mnist) -> None:
    with pytest.raises(TrainingError, match="--validation-size is 600, but there are only 600"):
        run(sample, Recipe(validation_size=600))


def test_loss_of_an_untrained_network_is_near_log_ten(sample: Mnist) -> None:
    _, (epoch,) = run(sample, Recipe(epochs=1, learning_rate=1e-9))

    assert epoch.training.loss == pytest.approx(math.log(10), abs=0.05)


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
        assert one.training.loss == pytest.approx(other.training.loss, rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_captured_steps_are_those_of_the_plain_loop(
    optimizer: OptimizerName, sample: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both sizes of minibatch, and a learning rate that changes with every step.
    recipe = Recipe(
        epochs=3, learning_rate=0.01, batch_size=256, schedule="linear", optimizer=optimizer
    )
    device = pick_device("cuda")
    captured, plain = build(recipe).to(device), build(recipe).to(device)
    history = list(train(captured, sample.train, recipe))
    monkeypatch.setattr("training.backpropagation.captured", lambda work: work)

    expected = list(train(plain, sample.train, recipe))

    assert torch.allclose(captured.parameters, plain.parameters, rtol=1e-4, atol=1e-6)
    assert [epoch.training.loss for epoch in history] == pytest.approx(
        [epoch.training.loss for epoch in expected], rel=1e-4
    )
