import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.backpropagation import Backpropagation
from training.hard_images import HardImages
from training.losses import LOSSES
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.train import Training, train

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(images=st.integers(1, 500), share=st.floats(0.01, 1), seed=st.integers(0, 9))
def test_epoch_takes_its_share_and_no_image_twice(images: int, share: float, seed: int) -> None:
    drawn = HardImages(images, share, CPU).draw(generator(seed)).tolist()

    assert len(drawn) == len(set(drawn)) == math.ceil(images * share)
    assert set(drawn) <= set(range(images))


def test_whole_epoch_is_a_plain_permutation() -> None:
    drawn = HardImages(100, 1.0, CPU).draw(generator())

    assert torch.equal(drawn, torch.randperm(100, generator=generator()))


def test_images_are_drawn_in_proportion_to_their_weight() -> None:
    images = HardImages(4, 0.25, CPU)
    images.errors = torch.tensor([0.78, 0.38, 0.08, 0.0])
    source = generator()

    counts = torch.zeros(4)
    for _ in range(4000):
        counts[images.draw(source)] += 1

    assert (counts / 4000).tolist() == pytest.approx([0.606, 0.303, 0.076, 0.015], abs=0.025)


def test_hard_images_come_anywhere_in_the_epoch() -> None:
    images = HardImages(1000, 0.5, CPU)
    images.errors[100:] = 0

    places = (images.draw(generator()) < 100).nonzero().double()

    assert len(places) > 95
    assert places.mean() == pytest.approx(250, abs=60)


def test_error_is_what_the_probability_lacks_to_one(sample: Mnist) -> None:
    network = build(Recipe())
    originals = torch.tensor(sample.train.images)
    labels = torch.tensor(sample.train.labels, dtype=torch.int64)
    batch = torch.tensor([3, 1, 4])
    backpropagation = Backpropagation(
        network, LOSSES["categorical_cross_entropy"], originals, labels
    )
    images = HardImages(len(labels), 0.5, CPU)

    backpropagation.run(batch)
    images.update(batch, backpropagation.logits_error)

    probabilities = network.logits(originals[batch]).softmax(1)[range(3), labels[batch]]
    assert torch.allclose(images.errors[batch], 0.5 + 0.5 * (1 - probabilities), atol=1e-6)
    assert images.errors[0] == images.errors[2] == 1


def test_best_recipe_learns_the_sample(sample: Mnist) -> None:
    recipe = Recipe(
        recipe="best",
        epochs=60,
        batch_size=20,
        width=32,
        validation_size=100,
        printed_digits=60,
        non_digits=60,
    )

    *_, last = train(build(recipe), sample.train, recipe)

    assert last.validation
    assert last.validation.accuracy > 0.7


def test_same_seed_repeats_the_best_recipe(sample: Mnist) -> None:
    recipe = Recipe(recipe="best", epochs=2, batch_size=20, width=32, validation_size=100)
    first, second = build(recipe), build(recipe)

    for network in (first, second):
        list(train(network, sample.train, recipe))

    assert torch.equal(first.parameters, second.parameters)


def test_training_by_shares_goes_on_where_it_was(sample: Mnist) -> None:
    recipe = Recipe(recipe="best", epochs=4, batch_size=20, width=8, validation_size=100)
    whole, parted = build(recipe), build(recipe)
    list(train(whole, sample.train, recipe))
    before = Training(build(recipe), sample.train, recipe)
    next(epochs := before.epochs())
    next(epochs)

    after = Training(parted, sample.train, recipe)
    after.restore(before.state())
    list(after.epochs())

    assert torch.equal(parted.parameters, whole.parameters)
