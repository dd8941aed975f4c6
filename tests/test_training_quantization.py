import numpy as np
import pytest

from training.evaluate import answer
from training.export import to_onnx
from training.losses import LossName
from training.mnist import Mnist
from training.network import build
from training.quantization import to_int8_onnx
from training.recipe import Recipe

CCE: LossName = "categorical_cross_entropy"


@pytest.mark.parametrize("weight", [0.0, 1e-12, 0.05])
def test_eight_bits_keep_the_bias_of_a_unit_with_hardly_a_weight(
    weight: float, sample: Mnist
) -> None:
    network = build(Recipe(width=8))
    network.layers[0].weight[3] = weight
    network.layers[0].bias[3] = 2.0

    exact = answer(to_onnx(network, CCE), sample.test.images).probabilities
    in_eight_bits = answer(to_int8_onnx(network, CCE, sample.test.images), sample.test.images)

    assert np.abs(in_eight_bits.probabilities - exact).max() < 0.01
