"""What a network is trained on: MNIST's images, some kept apart, and what is drawn in addition."""

from typing import NamedTuple

import numpy as np

from registry.contract import DIGITS
from training.errors import TrainingError
from training.mnist import Digits
from training.recipe import Recipe
from training.synthetic.non_digits import TRAINED_KINDS, non_digits
from training.synthetic.printed_digits import printed_digits

NOT_A_DIGIT = DIGITS
"""The label of an image that shows no digit."""


class TrainingSet(NamedTuple):
    """Images to learn from, and others to judge by."""

    training: Digits
    validation: Digits


def split(digits: Digits, validation_size: int) -> TrainingSet:
    """The last `validation_size` images are for validation; raises TrainingError."""
    count = len(digits) - validation_size
    if count < 1:
        raise TrainingError(
            f"--validation-size is {validation_size}, but there are only {len(digits)} images"
        )
    return TrainingSet(digits[:count], digits[count:])


def prepare(digits: Digits, recipe: Recipe) -> TrainingSet:
    """The split that `recipe` asks for, with printed digits and non-digits to learn from as well.

    They are drawn from the recipe's seed. Non-digits have the label NOT_A_DIGIT.
    """
    training, validation = split(digits, recipe.validation_size)
    parts = [training]
    if recipe.printed_digits:
        parts.append(printed_digits(recipe.printed_digits, recipe.seed))
    if recipe.non_digits:
        others = non_digits(TRAINED_KINDS, recipe.non_digits, recipe.seed, training)
        parts.append(Digits(others, np.full(len(others), NOT_A_DIGIT, np.uint8)))
    return TrainingSet(_joined(parts), validation)


def _joined(parts: list[Digits]) -> Digits:
    if len(parts) == 1:
        return parts[0]
    return Digits(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
