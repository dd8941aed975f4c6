"""The settings of `python -m service.batch_prediction`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from registry.configuration import Settings, SettingsError, setting
from registry.settings import RegistrySettings, StoreAddress
from service.cpus import available_cpus

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")

SHARD_VARIABLE = "ZIFFER_BATCH_SHARD"
ARRAY_INDEX, ARRAY_SIZE = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the work, counted from 0."""

    index: int
    count: int


def _shard(text: str) -> str:
    found = _SHARD.fullmatch(text)
    if not found or not int(found[1]) < int(found[2]):
        raise ValueError("expected I/N with I from 0 to N-1, such as 0/4")
    return text


def _place(address: str) -> str:
    """Where a store is, however it is spelled; it ends with a slash, so one may begin another."""
    url = urlsplit(address)
    if url.scheme == "s3":
        return f"s3://{url.netloc}/{url.path.strip('/')}".rstrip("/") + "/"
    path = Path(unquote(url.path) if url.scheme == "file" else address)
    return str(path.expanduser().resolve()).rstrip("/") + "/"


class BatchSettings(Settings):
    """What to predict, where to, and how."""

    env_prefix: ClassVar[str] = "ZIFFER_BATCH_"

    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    input: StoreAddress | None = setting(
        None, "where the inputs are, as the first argument: s3://bucket/prefix or a directory"
    )
    output: StoreAddress | None = setting(
        None, "where the predictions go, as the second argument: the same"
    )
    format: Literal["jsonl", "parquet"] = setting(
        "jsonl", "form of the predictions: jsonl or parquet"
    )
    processes: int = setting(0, "processes that predict; 0: one for each CPU", ge=0, le=1024)
    shard: Annotated[str, AfterValidator(_shard)] | None = setting(
        None, "the share of this machine, such as 0/4; unset: as AWS Batch says, or all"
    )
    images_per_part: int = setting(
        32_768, "images of an array, at one byte a pixel, in one part", ge=8, le=1 << 20
    )
    files_per_part: int = setting(256, "most picture files in one part", ge=1, le=100_000)
    not_a_digit_threshold: float = setting(
        0.5, "an image more likely than this to be no digit is rejected; 1: none is", ge=0, le=1
    )
    confidence_threshold: float = setting(
        0.5, "a digit less likely than this is rejected; 0: none is", ge=0, le=1
    )
    max_image_pixels: int = setting(
        25_000_000, "largest picture, by its width times its height", ge=784, le=1 << 30
    )
    log_format: Literal["auto", "text", "json"] = setting(
        "auto", "text: a progress bar; json: lines; auto: by whether a terminal is there"
    )
    quiet: bool = setting(False, "say nothing but errors")

    @property
    def source(self) -> RegistrySettings:
        """How to reach the inputs: as the registry, but for the address."""
        return self.registry.model_copy(update={"store": self.input})

    @property
    def target(self) -> RegistrySettings:
        """How to reach the predictions: the same."""
        return self.registry.model_copy(update={"store": self.output})

    @property
    def share(self) -> Shard:
        """Which of the units of work are this machine's."""
        return Shard(*map(int, self.shard.split("/"))) if self.shard else Shard(0, 1)

    @property
    def process_count(self) -> int:
        """How many processes predict here."""
        return self.processes or available_cpus()

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        if not self.input or not self.output:
            missing = "INPUT and OUTPUT" if not self.input else "OUTPUT"
            raise ValueError(
                f"{missing} must be given: python -m service.batch_prediction INPUT OUTPUT"
            )
        one, other = _place(self.input), _place(self.output)
        if one.startswith(other) or other.startswith(one):
            raise ValueError(
                f"INPUT is {self.input} and OUTPUT is {self.output}: neither may lie in the other, "
                "or predictions would be taken for inputs"
            )
        return self


def with_array_job(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the shard that AWS Batch gave a child of an array job.

    Raises SettingsError where Batch says which child this is, but not of how many.
    """
    index, size = environ.get(ARRAY_INDEX), environ.get(ARRAY_SIZE)
    if not index or environ.get(SHARD_VARIABLE):
        return dict(environ)
    if not size:
        raise SettingsError(
            f"{ARRAY_INDEX} is {index}, but {ARRAY_SIZE} is not set: set {SHARD_VARIABLE} to "
            f"{index}/N, where N is the size of the array"
        )
    return {**environ, SHARD_VARIABLE: f"{index}/{size}"}
