import pytest

from training import diagnosis
from training.activations import ActivationName
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.train import train


def warnings_of(sample: Mnist, activation: ActivationName) -> dict[int, str]:
    recipe = Recipe(hidden_layers=8, activation=activation, epochs=3, learning_rate=0.1)
    *_, last = train(build(recipe), sample.train, recipe)
    return diagnosis.warnings(last.gradient_sizes)


def test_eight_layers_of_sigmoid_show_vanishing_gradients(sample: Mnist) -> None:
    found = warnings_of(sample, "sigmoid")

    assert found[1].startswith("layer 1 of 9 hardly learns: its gradient is")
    assert "vanishing gradients" in found[1]


def test_eight_layers_of_relu_do_not(sample: Mnist) -> None:
    assert warnings_of(sample, "relu") == {}


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([0.0, 1e-2], "layer 1 of 2 has stopped learning: its gradient is zero"),
        ([1e-2, 0.0], "layer 2 of 2 has stopped learning: its gradient is zero"),
        ([1e-6, 1e-2], "layer 1 of 2 hardly learns: its gradient is 1e-04 of the last layer's"),
        ([1e3, 1e-2], "the gradient of layer 1 of 2 is 1e+05 times the last layer's"),
    ],
)
def test_warning_says_which_layer_and_what(sizes: list[float], words: str) -> None:
    (warning,) = diagnosis.warnings(sizes).values()

    assert warning.startswith(words)


def test_healthy_layers_need_no_warning() -> None:
    assert diagnosis.warnings([1e-3, 2e-3, 1e-2]) == {}
