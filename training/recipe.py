"""The recipe: everything that decides what is learnt, and nothing else."""

from typing import ClassVar

from registry.configuration import Settings, setting


class Recipe(Settings):
    """The textbook's multilayer perceptron and how it is trained.

    784 inputs, `hidden_layers` layers of `width` ReLU, 10 outputs; softmax cross-entropy;
    minibatch stochastic gradient descent at a constant learning rate.
    """

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    hidden_layers: int = setting(2, "number of hidden layers; 2 to 4 are advised", ge=0, le=64)
    width: int = setting(64, "units in each hidden layer; a power of two is advised", ge=1, le=8192)
    learning_rate: float = setting(0.01, "step size of gradient descent", gt=0, le=10)
    batch_size: int = setting(
        128, "images in a minibatch; the last of an epoch may be smaller", ge=1
    )
    epochs: int = setting(30, "passes over the training set", ge=1, le=100_000)
    seed: int = setting(
        0, "seed of the initial weights and of the order of the images", ge=0, lt=2**63
    )
