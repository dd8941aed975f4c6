"""The recipe: everything that decides what is learnt, and nothing else."""

from typing import ClassVar, Literal

from pydantic import model_validator

from registry.configuration import Settings, setting
from training.activations import ActivationName
from training.augmentation import AugmentationName
from training.initialization import InitializationName
from training.losses import LossName
from training.optimizers import OptimizerName
from training.precision import PrecisionName
from training.schedules import ScheduleName

RecipeName = Literal["textbook", "default", "best"]

# Printed digits and pictures of something else, as many as teach the network what they are.
_DRAWN = {"printed_digits": 6000, "non_digits": 7000}

_DEFAULTS: dict[RecipeName, dict[str, object]] = {
    "textbook": {},
    # The textbook's network, by all that makes it more accurate in two minutes.
    "default": {
        "optimizer": "adamw",
        "learning_rate": 0.005,
        "weight_decay": 0.02,
        "schedule": "linear",
        "warmup_fraction": 0.05,
        "epochs": 380,
        "epoch_share": 0.4,
        "augmentation": "mild",
        "final_augmentation": 0.8,
        "averaging": 0.999,
        "validation_size": 5000,
        **_DRAWN,
    },
    # As accurate as two hidden layers get in ten minutes of one processor core.
    "best": {
        "width": 1024,
        "precision": "auto",
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "weight_decay": 0.2,
        "schedule": "linear",
        "warmup_fraction": 0.05,
        "batch_size": 256,
        "epochs": 220,
        "epoch_share": 0.4,
        "augmentation": "strong",
        "final_augmentation": 0.6,
        "averaging": 0.995,
        "validation_size": 5000,
        **_DRAWN,
    },
}


class Recipe(Settings):
    """The multilayer perceptron and how it is trained.

    784 inputs, `hidden_layers` layers of `width` units, 10 outputs. What is not given is as in the
    recipe that `recipe` names; the defaults below are the textbook's.
    """

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    recipe: RecipeName = setting(
        "textbook", "what the other settings of the recipe default to: textbook, default or best"
    )
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
    augmentation: AugmentationName = setting(
        "none", "how much the training images are distorted: none, mild or strong"
    )
    final_augmentation: float = setting(
        1.0,
        "size of the distortions in the last epoch, as a share of the first's; it shrinks evenly",
        ge=0,
        le=1,
    )
    epoch_share: float = setting(
        1.0,
        "share of the training images that an epoch takes, hard ones more likely; 1: each once",
        gt=0,
        le=1,
    )
    precision: PrecisionName = setting(
        "float32",
        "numbers that layers are multiplied in: float32, bfloat16, or auto, which takes bfloat16 "
        "where it is faster",
    )
    printed_digits: int = setting(
        0, "digits to draw as typefaces and other hands do, and learn as well", ge=0, le=1_000_000
    )
    non_digits: int = setting(
        0, "pictures of something else to draw, and learn to tell from digits", ge=0, le=1_000_000
    )
    averaging: float = setting(
        0.0, "weight of the past in the average of the parameters that is kept; 0: none", ge=0, lt=1
    )
    validation_size: int = setting(
        0, "images at the end of the training set to keep apart and score after each epoch", ge=0
    )
    patience: int = setting(
        0, "stop when the validation loss has not fallen for so many epochs; 0: never", ge=0
    )
    seed: int = setting(
        0, "seed of the initial weights and of the order of the images", ge=0, lt=2**63
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: dict[str, object]) -> dict[str, object]:
        # A name that is none is left to the field's own validation.
        name = given.get("recipe", cls.model_fields["recipe"].default)
        return {**_DEFAULTS.get(name, {}), **given}  # type: ignore[call-overload]

    @model_validator(mode="after")
    def _patience_needs_validation(self) -> "Recipe":
        if self.patience and not self.validation_size:
            raise ValueError(
                f"--patience is {self.patience}, but --validation-size is 0: there is no "
                "validation loss to watch"
            )
        return self
