import numpy as np
import pytest
import torch

from training.mnist import Mnist
from training.network import build
from training.pixels import restricted, used_pixels, write_back
from training.recipe import Recipe
from training.train import train

TEXTBOOK = Recipe(epochs=2, learning_rate=0.1, batch_size=50)


def test_only_black_pixels_are_left_out(sample: Mnist) -> None:
    used = used_pixels(TEXTBOOK, sample.train.images)

    assert not sample.train.images.reshape(-1, 784)[:, ~used].any()
    assert used.sum() < 784
    assert used.sum() % 16 == 0


def test_images_that_are_all_black_keep_some_pixels() -> None:
    assert used_pixels(TEXTBOOK, np.zeros((3, 28, 28), np.uint8)).sum() == 16


@pytest.mark.parametrize("moved", [{"weight_decay": 0.1}, {"augmentation": "mild"}])
def test_all_pixels_are_used_where_their_weights_would_move(
    moved: dict[str, object], sample: Mnist
) -> None:
    recipe = Recipe.model_validate(moved)

    assert used_pixels(recipe, sample.train.images).all()


def test_restricted_network_computes_the_same(sample: Mnist) -> None:
    network = build(TEXTBOOK)
    used = used_pixels(TEXTBOOK, sample.train.images)
    images = torch.tensor(sample.train.images[:20])

    small = restricted(network, torch.from_numpy(used.nonzero()[0]))

    logits = small.logits(images.flatten(1)[:, used])
    assert torch.allclose(logits, network.logits(images), atol=1e-6)


def test_written_back_network_has_the_new_weights_and_the_rest_of_the_old() -> None:
    network, before = build(TEXTBOOK), build(TEXTBOOK).layers[0].weight
    pixels = torch.arange(100, 132)
    small = restricted(network, pixels)
    small.parameters.add_(1)

    write_back(small, pixels, network)

    assert torch.equal(restricted(network, pixels).parameters, small.parameters)
    assert torch.equal(network.layers[0].weight[:, :100], before[:, :100])
    assert torch.equal(network.layers[0].weight[:, 132:], before[:, 132:])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_training_is_that_on_all_pixels(optimizer: str, averaging: float, sample: Mnist) -> None:
    settings = {"optimizer": optimizer, "averaging": averaging, "learning_rate": 0.002}
    recipe = Recipe.model_validate(TEXTBOOK.model_dump() | settings)
    restricted_run, full_run = build(recipe), build(recipe)

    list(train(restricted_run, sample.train, recipe))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.train.used_pixels", lambda *_: np.ones(784, np.bool_))
        list(train(full_run, sample.train, recipe))

    assert torch.allclose(restricted_run.parameters, full_run.parameters, atol=1e-5)
