from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from training.augmentation import AUGMENTATIONS, Augmentation, AugmentationName, augment
from training.average import Average
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.train import train

NOTHING = Augmentation(
    rotation_degrees=0, scale=0, shear=0, shift_pixels=0, elastic_pixels=0, thickness=0
)


def distorted(images: Tensor, augmentation: Augmentation, seed: int = 0) -> Tensor:
    out = torch.empty_like(images)
    augment(images, augmentation, torch.Generator().manual_seed(seed), out)
    return out


@pytest.fixture
def images(sample: Mnist) -> Tensor:
    return torch.tensor(sample.train.images)


def test_no_distortion_changes_nothing(images: Tensor) -> None:
    assert torch.equal(distorted(images, NOTHING), images)


@pytest.mark.parametrize("name", ["mild", "strong"])
def test_same_seed_gives_the_same_distortions(name: AugmentationName, images: Tensor) -> None:
    augmentation = AUGMENTATIONS[name]
    assert augmentation

    once = distorted(images, augmentation)

    assert torch.equal(once, distorted(images, augmentation))
    assert not torch.equal(once, distorted(images, augmentation, seed=1))
    assert not torch.equal(once[0], images[0])


def test_shift_moves_the_centre_of_mass(images: Tensor) -> None:
    shifted = distorted(images, replace(NOTHING, shift_pixels=2))

    columns = torch.arange(28.0)

    def centres(of: Tensor) -> Tensor:
        return (of.float().sum(1) @ columns) / of.float().sum((1, 2))

    moved = centres(shifted) - centres(images)
    assert moved.abs().max() < 2.1
    assert moved.std() == pytest.approx(2 / np.sqrt(3), rel=0.15)


def test_pens_become_thicker_and_thinner(images: Tensor) -> None:
    written = distorted(images, replace(NOTHING, thickness=0.5))

    ink = written.float().sum((1, 2)) / images.float().sum((1, 2))
    assert ink.min() < 0.8
    assert ink.max() > 1.3
    assert ink.median() == pytest.approx(1, abs=0.15)


def test_rotation_keeps_the_ink(images: Tensor) -> None:
    rotated = distorted(images, replace(NOTHING, rotation_degrees=15))

    ratio = rotated.float().sum() / images.float().sum()
    assert ratio.item() == pytest.approx(1, abs=0.02)
    assert not torch.equal(rotated, images)


def test_distortions_may_replace_the_images(images: Tensor) -> None:
    augmentation = replace(NOTHING, rotation_degrees=15, thickness=0.5)
    expected = distorted(images, augmentation)

    augment(images, augmentation, torch.Generator().manual_seed(0), out=images)

    assert torch.equal(images, expected)


def test_distortions_shrink_evenly_to_their_last_size(
    sample: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifts: list[float] = []

    def record(
        images: Tensor, augmentation: Augmentation, generator: torch.Generator, out: Tensor
    ) -> None:
        shifts.append(augmentation.shift_pixels)

    monkeypatch.setattr("training.minibatches.augment", record)
    recipe = Recipe(augmentation="strong", final_augmentation=0.5, epochs=3)

    list(train(build(recipe), sample.train, recipe))

    assert shifts == pytest.approx([1.5, 1.125, 0.75])


def test_training_never_changes_the_images_given(sample: Mnist) -> None:
    before = sample.train.images.copy()
    recipe = Recipe(augmentation="strong", epochs=2, validation_size=100)

    list(train(build(recipe), sample.train, recipe))

    assert np.array_equal(sample.train.images, before)


def test_average_follows_and_smooths() -> None:
    average = Average(torch.zeros(1), 0.9)
    course = []
    for step in range(1, 200):
        average.update(torch.tensor([1.0 + (-1) ** step]), step)
        course.append(average.parameters.item())

    assert course[-1] == pytest.approx(1, abs=0.1)


def test_named_recipe_fills_in_what_is_not_given() -> None:
    recipe = Recipe(recipe="default", epochs=3)

    assert (recipe.optimizer, recipe.augmentation, recipe.epochs) == ("adamw", "mild", 3)
    assert (recipe.hidden_layers, recipe.width) == (2, 64)


def test_default_recipe_learns_the_sample(sample: Mnist) -> None:
    recipe = Recipe(
        recipe="default",
        epochs=60,
        batch_size=20,
        validation_size=100,
        printed_digits=60,
        non_digits=60,
    )

    *_, last = train(build(recipe), sample.train, recipe)

    assert last.validation
    assert last.validation.accuracy > 0.7
