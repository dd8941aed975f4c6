"""The settings of `python -m training`."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from registry.configuration import Settings, setting
from registry.settings import RegistrySettings
from training.recipe import Recipe


class TrainingSettings(Settings):
    """What to train, on what, with what, and where the result goes."""

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    recipe: Recipe = Field(default_factory=Recipe)
    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    config: Path | None = setting(
        None, "TOML file with any of these settings by name; flags and variables come before it"
    )
    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto", "where to train: auto takes the GPU if there is one"
    )
    threads: int = setting(1, "CPU threads; more do not pay for so small a network", ge=1, le=1024)
    data_dir: Path | None = setting(None, "directory with MNIST's four files, gzipped or not")
    data_cache_dir: Path | None = setting(
        None, "where downloaded files are kept; unset: ziffer/mnist in the user's cache"
    )
    checksums: Path | None = setting(
        None, "file as sha256sum makes it, to train on other files of MNIST's names and format"
    )
    promote: bool = setting(True, "let the alias name the new version in the end")
    unpublished_dir: Path = setting(
        Path("var/unpublished"), "where a finished model is kept until it is published"
    )
