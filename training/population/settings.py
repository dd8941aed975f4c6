"""The settings of `python -m training.population`."""

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import BeforeValidator, Field, model_validator

from registry.configuration import Settings, setting
from registry.settings import RegistrySettings
from training.data import DataSettings
from training.population.members import require_trainable
from training.recipe import Recipe
from training.selection import Range, given, parse_positive, require_possible, with_validation
from training.settings import ComputeSettings

_OptionalRange = Annotated[
    Range | None, BeforeValidator(lambda text: None if text is None else parse_positive(text))
]


class PopulationSettings(Settings):
    """How many networks to train, in what they differ, and what becomes of the best."""

    env_prefix: ClassVar[str] = "ZIFFER_POPULATION_"

    recipe: Recipe = Field(default_factory=Recipe)
    data: DataSettings = Field(default_factory=DataSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    members: int = setting(
        8, "networks to train at once; their seeds are --seed and those after it", ge=1, le=100_000
    )
    learning_rate_range: _OptionalRange = setting(
        None, "learning rates of the members, FROM:TO; unset: --learning-rate for all"
    )
    learning_rate_choice: Literal["spaced", "drawn"] = setting(
        "spaced",
        "how members get theirs, on a logarithmic scale: spaced evenly, or drawn at random by "
        "--seed",
    )
    output: Path | None = setting(None, "JSON file to write with the score of every member")
    publish: bool = setting(False, "register the member with the best validation accuracy")
    unpublished_dir: Path = setting(
        Path("var/unpublished"),
        "where a finished model is kept until the registry has it",
        env="ZIFFER_TRAIN_UNPUBLISHED_DIR",
    )

    @model_validator(mode="after")
    def _is_possible(self) -> "PopulationSettings":
        require_trainable(self.base)
        if self.learning_rate_range:
            require_possible(self.learning_rate_range, "learning_rate", "--learning-rate-range")
            if "learning_rate" in given(self.recipe):
                raise ValueError(
                    "--learning-rate is what all members share, --learning-rate-range what they "
                    "do not: give one"
                )
        return self

    @property
    def base(self) -> Recipe:
        """The recipe of the first member but for its learning rate, with images to choose by."""
        return with_validation(self.recipe)

    def recipes(self) -> list[Recipe]:
        """The recipes of all members."""
        rates = self._learning_rates()
        return [
            self.base.model_copy(
                update={"seed": (self.base.seed + index) % 2**63, "learning_rate": rate}
            )
            for index, rate in enumerate(rates)
        ]

    def _learning_rates(self) -> list[float]:
        if self.learning_rate_range is None:
            return [self.base.learning_rate] * self.members
        low, high = self.learning_rate_range.low, self.learning_rate_range.high
        if self.learning_rate_choice == "drawn":
            generator = torch.Generator().manual_seed(self.base.seed)
            shares = torch.rand(self.members, dtype=torch.float64, generator=generator).tolist()
        else:
            shares = [index / max(self.members - 1, 1) for index in range(self.members)]
        exponents = (math.log(low) + share * math.log(high / low) for share in shares)
        return [min(max(math.exp(exponent), low), high) for exponent in exponents]
