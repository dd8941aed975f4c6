"""The settings of `python -m training.search`."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from registry.configuration import Settings, setting
from training.data import DataSettings
from training.optimizers import OptimizerName
from training.recipe import Recipe
from training.selection import (
    PositiveRange,
    PowersOfTwo,
    Range,
    WholeRange,
    given,
    require_possible,
    with_validation,
)
from training.settings import ComputeSettings

Objective = Literal["accuracy", "loss"]
PrunerName = Literal["none", "median", "halving", "hyperband"]


def _parse_optimizers(text: Any) -> tuple[str, ...]:  # noqa: ANN401 - pydantic hands over anything
    if not isinstance(text, str):
        return tuple(text)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    known = get_args(OptimizerName)
    for name in names:
        if name not in known:
            raise ValueError(f"there is no optimizer '{name}', only {', '.join(known)}")
    return names


class Space(Settings):
    """What is searched, and how far; a setting given by its own flag, --width 64, is not."""

    env_prefix: ClassVar[str] = "ZIFFER_SEARCH_"

    learning_rate_range: PositiveRange = setting(
        "0.0003:1", "learning rates to search, FROM:TO, on a logarithmic scale"
    )
    batch_size_range: PowersOfTwo = setting("32:512", "batch sizes to search: powers of two")
    epochs_range: WholeRange = setting("5:30", "numbers of epochs to search")
    hidden_layers_range: WholeRange = setting("1:4", "numbers of hidden layers to search")
    width_range: PowersOfTwo = setting("32:256", "widths to search: powers of two")
    optimizer_choices: Annotated[tuple[OptimizerName, ...], BeforeValidator(_parse_optimizers)] = (
        setting("sgd,momentum,adam,adamw", "optimizers to search, separated by commas")
    )

    @model_validator(mode="after")
    def _ends_are_possible(self) -> "Space":
        for field in type(self).model_fields:
            ends = getattr(self, field)
            if isinstance(ends, Range):
                flag = "--" + field.replace("_", "-")
                require_possible(ends, field.removesuffix("_range"), flag)
        return self


SEARCHED = {
    "learning_rate": "learning_rate_range",
    "batch_size": "batch_size_range",
    "epochs": "epochs_range",
    "hidden_layers": "hidden_layers_range",
    "width": "width_range",
    "optimizer": "optimizer_choices",
}
"""The settings of a recipe that can be searched, and what says how far."""


class SearchSettings(Settings):
    """What to search, by what measure, how long, and where the trials are kept."""

    env_prefix: ClassVar[str] = "ZIFFER_SEARCH_"

    recipe: Recipe = Field(default_factory=Recipe)
    data: DataSettings = Field(default_factory=DataSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    space: Space = Field(default_factory=Space)

    trials: int = setting(
        50,
        "finished trials that the study is to have in the end, those of earlier runs included",
        ge=1,
    )
    seconds: float | None = setting(
        None, "begin no trial after so many seconds; unset: no limit", gt=0
    )
    study: str = setting("digits", "name of the study", min_length=1, pattern=r"^[\w.-]+$")
    storage: str = setting(
        "var/search/journal.log",
        "where trials are kept and shared: a file, also on a shared file system, or the address "
        "of a database such as postgresql://user@host/name",
        min_length=1,
    )
    objective: Objective = setting(
        "accuracy", "what is compared, on the validation images: accuracy or loss"
    )
    pruner: PrunerName = setting(
        "median",
        "how trials that lag behind are ended early: none, median, halving (asynchronous "
        "successive halving) or hyperband",
    )
    report_dir: Path = setting(
        Path("var/search"), "where STUDY.json and STUDY.html are written in the end"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> "SearchSettings":
        for name in self.held:
            if SEARCHED[name] in self.space.model_fields_set:
                flag, range_flag = (each.replace("_", "-") for each in (name, SEARCHED[name]))
                raise ValueError(f"--{flag} holds fixed what --{range_flag} searches: give one")
        with_validation(self.recipe)
        return self

    @property
    def base(self) -> Recipe:
        """The recipe that trials are variations of, with images to choose by."""
        return with_validation(self.recipe)

    @property
    def held(self) -> tuple[str, ...]:
        """What could be searched, but was given a value."""
        explicit = given(self.recipe)
        return tuple(name for name in SEARCHED if name in explicit)

    @property
    def searched(self) -> tuple[str, ...]:
        """What is searched."""
        return tuple(name for name in SEARCHED if name not in self.held)
