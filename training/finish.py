"""From a trained network to the files that hold it: calibrated, exported and compared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from registry.contract import INT8_MODEL_FILE, MODEL_FILE
from training.evaluate import evaluate
from training.export import check_parity, to_onnx
from training.losses import LOSSES
from training.mnist import Digits, Mnist
from training.network import Network
from training.quantization import to_int8_onnx
from training.recipe import Recipe
from training.temperature import fit_temperature, with_temperature
from training.training_set import split

INT8_TOLERANCE = 0.0005
"""Share of all training images that the model in eight bits may misread in addition."""

# Images that show which values the hidden units take.
_RANGE_IMAGES = 1000

# Digits at whose logits the level is set.
_LEVEL_IMAGES = 5000

FALSE_ALARMS = 0.01
"""Share of digits for which the finished model says that they are rather none."""


@dataclass(frozen=True)
class Model:
    """A network that is finished, and the files that hold it."""

    network: Network
    temperature: float
    files: Mapping[str, bytes]
    parity: float
    """Largest difference of a probability between the network and its export."""


def finish(network: Network, digits: Mnist, recipe: Recipe) -> Model:
    """Calibrate and export `network`, which `recipe` has trained on `digits`.

    Its temperature is fitted on the validation images, where there are any, and the level at which
    it says that an image is no digit on them or on the training images. Raises TrainingError
    where the export computes something else.
    """
    training, validation = split(digits.train, recipe.validation_size)
    network = network.to(torch.device("cpu"))
    temperature = 1.0
    if len(validation):
        labels = torch.tensor(validation.labels, dtype=torch.int64)
        temperature = fit_temperature(_meant(network, recipe, validation.images), labels)
        network = with_temperature(network, temperature)
    level = _level(network, recipe, validation if len(validation) else training)
    onnx_file = to_onnx(network, recipe.loss, level)
    parity = check_parity(onnx_file, network, recipe.loss, digits.test.images, level)
    files = {MODEL_FILE: onnx_file}
    int8_file = to_int8_onnx(network, recipe.loss, training.images[:_RANGE_IMAGES], level)
    lost = evaluate(onnx_file, digits.train).accuracy - evaluate(int8_file, digits.train).accuracy
    if lost <= INT8_TOLERANCE:
        files[INT8_MODEL_FILE] = int8_file
    return Model(network, temperature, files, parity)


def _level(network: Network, recipe: Recipe, digits: Digits) -> float:
    """The level of the logits below which only so many digits lie: it says what is no digit.

    A network that has not learnt what is no digit should hardly ever say so: not of any of these.
    """
    share = FALSE_ALARMS if recipe.non_digits else 0.0
    sums = _meant(network, recipe, digits.images[-_LEVEL_IMAGES:]).logsumexp(1)
    return float(np.quantile(sums.numpy(), share))


def _meant(network: Network, recipe: Recipe, images: NDArray[np.uint8]) -> Tensor:
    """Logarithms of probabilities [N, 10], up to a constant; see Loss.log_probabilities."""
    return LOSSES[recipe.loss].log_probabilities(network.logits(torch.tensor(images)))
