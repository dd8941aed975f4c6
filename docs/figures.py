"""Draw README's figures of the training: `python -m docs.figures`, in ten seconds of CPU."""

from pathlib import Path

import torch

from training.activations import ActivationName
from training.data import DataSettings, load_digits
from training.mnist import Digits
from training.network import build
from training.recipe import Recipe
from training.report import figures
from training.report.plot import HEIGHT, WIDTH
from training.report.svg import standalone
from training.train import train

DOCS = Path(__file__).parent
HIDDEN_LAYERS = 8
EPOCHS = 3


def penalty() -> str:
    """What a prediction costs."""
    return standalone(figures.penalties(), WIDTH, HEIGHT)


def vanishing_gradients(digits: Digits) -> str:
    """The gradient by layer in a deep network of sigmoids, and in one of ReLUs."""
    activations: tuple[ActivationName, ...] = ("sigmoid", "relu")
    networks = [(activation, gradient_sizes(activation, digits)) for activation in activations]
    return standalone(figures.gradients_by_layer(networks), WIDTH, HEIGHT)


def gradient_sizes(activation: ActivationName, digits: Digits) -> tuple[float, ...]:
    """Root mean squares from input to output, after a few epochs of the textbook's recipe."""
    recipe = Recipe(hidden_layers=HIDDEN_LAYERS, activation=activation, epochs=EPOCHS)
    *_, last = train(build(recipe), digits, recipe)
    return last.gradient_sizes


def main() -> None:
    """Get MNIST, train twice, and write both figures."""
    torch.set_num_threads(1)
    digits = load_digits(DataSettings(), print).train
    (DOCS / "penalty.svg").write_text(penalty())
    (DOCS / "vanishing-gradients.svg").write_text(vanishing_gradients(digits))


if __name__ == "__main__":
    main()
