"""The recipe: everything that decides what is learnt, and nothing else."""

from typing import ClassVar

from pydantic import model_validator

from registry.configuration import Settings, setting
from training.activations import ActivationName
from training.initialization import InitializationName
from training.losses import LossName
from training.optimizers import OptimizerName
from training.schedules import ScheduleName


class Recipe(Settings):
    """The multilayer perceptron and how it is trained; the defaults are the textbook's.

    784 inputs, `hidden_layers` layers of `width` units, 10 outputs.
    """

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    hidden_layers: int = setting(2, "number of hidden layers; 2 to 4 are advised", ge=0, le=64)
    width: int = setting(64, "units in each hidden layer; a power of two is advised", ge=1, le=8192)
    activation: ActivationName = setting(
        "relu", "activation of the hidden layers: relu, tanh, sigmoid or gelu"
    )
    initialization: InitializationName = setting(
        "pytorch", "distribution of the initial weights: pytorch, glorot or he"
    )
    loss: LossName = setting(
        "categorical_cross_entropy",
        "what training makes small: categorical_cross_entropy, binary_cross_entropy or "
        "mean_squared_error",
    )
    optimizer: OptimizerName = setting(
        "sgd", "sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw"
    )
    learning_rate: float = setting(0.01, "step size η", gt=0, le=10)
    momentum: float = setting(0.9, "μ of the optimizers momentum and nesterov", ge=0, lt=1)
    weight_decay: float = setting(0.0, "λ of the L2 penalty on all parameters", ge=0, le=10)
    schedule: ScheduleName = setting(
        "constant", "course of the learning rate: constant, linear, cosine or step"
    )
    warmup_fraction: float = setting(
        0.0, "share of the steps in which the learning rate rises from zero", ge=0, lt=1
    )
    batch_size: int = setting(
        128, "images in a minibatch; the last of an epoch may be smaller", ge=1
    )
    epochs: int = setting(30, "passes over the training set", ge=1, le=100_000)
    validation_size: int = setting(
        0, "images at the end of the training set to keep apart and score after each epoch", ge=0
    )
    patience: int = setting(
        0, "stop when the validation loss has not fallen for so many epochs; 0: never", ge=0
    )
    seed: int = setting(
        0, "seed of the initial weights and of the order of the images", ge=0, lt=2**63
    )

    @model_validator(mode="after")
    def _patience_needs_validation(self) -> "Recipe":
        if self.patience and not self.validation_size:
            raise ValueError(
                f"--patience is {self.patience}, but --validation-size is 0: there is no "
                "validation loss to watch"
            )
        return self
