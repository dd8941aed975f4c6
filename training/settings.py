"""The settings of `python -m training`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from registry.configuration import Settings, setting, settings_of
from registry.settings import RegistrySettings
from training.data import DataSettings
from training.log import LogFormat
from training.recipe import Recipe, RecipeName


class ChosenRecipe(Recipe):
    """The recipe as the program takes it: the one for daily use where none is named."""

    recipe: RecipeName = setting(
        "default", "what the other settings of the recipe default to: textbook, default or best"
    )


class ComputeSettings(Settings):
    """What to train with."""

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto", "where to train: auto takes the GPU if there is one"
    )
    threads: int = setting(1, "CPU threads; more do not pay for so small a network", ge=1, le=1024)


class TrainingSettings(Settings):
    """What to train, on what, with what, and where the result goes."""

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    recipe: ChosenRecipe = Field(default_factory=ChosenRecipe)
    registry: RegistrySettings = Field(default_factory=RegistrySettings)
    data: DataSettings = Field(default_factory=DataSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)

    config: Path | None = setting(
        None, "TOML file with any of these settings by name; flags and variables come before it"
    )
    resume: bool = setting(
        False, "go on where a run with the same settings was stopped, if there was one"
    )
    checkpoint_dir: Path = setting(
        Path("var/checkpoints"), "where the state of an unfinished run is kept"
    )
    checkpoint_interval_s: float = setting(
        10, "seconds between two checkpoints; 0: after every epoch", ge=0
    )
    unpublished_dir: Path = setting(
        Path("var/unpublished"), "where a finished model is kept until the registry has it"
    )
    target_accuracy: Annotated[float, Field(ge=0, le=1)] = setting(
        0, "share of the test images to read; a model below it is registered, but not promoted"
    )
    promote: bool = setting(True, "let the alias name the new version in the end")
    log_format: LogFormat = setting(
        "auto", "text for people, json for programs; auto: json where the output is no terminal"
    )


def environment_of(program: type[Settings], environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what only `python -m training` reads, where `program` shares the rest."""
    own = {leaf.env for leaf in settings_of(program)}
    others = {leaf.env for leaf in settings_of(TrainingSettings)} - own
    return {name: value for name, value in environ.items() if name not in others}
