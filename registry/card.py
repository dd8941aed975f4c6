"""The model card: everything that is known of one immutable version of a model."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Frozen(BaseModel):
    """A value that is written once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(Frozen):
    """One input or output of a model; a string in `shape` names an axis of free length."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class Signature(Frozen):
    """The tensors that a model takes and gives."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class StoredFile(Frozen):
    """One file of a version, named by the SHA-256 of its bytes."""

    digest: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


class Lineage(Frozen):
    """Where a model comes from: enough to train it again."""

    data: dict[str, Sha256]
    """SHA-256 of each data file, uncompressed."""
    seed: int
    git_commit: str | None
    """None where the code was not in a git checkout."""
    git_dirty: bool | None
    packages: dict[str, str]
    python: str
    hardware: str


class DraftCard(Frozen):
    """What the publisher knows of a model; the registry adds the rest."""

    recipe: dict[str, JsonValue]
    metrics: dict[str, float]
    signature: Signature
    lineage: Lineage


class ModelCard(DraftCard):
    """One version of a model. The card is immutable; aliases move, cards do not."""

    format: int = 1
    name: str
    version: Annotated[int, Field(ge=1)]
    publish_id: str
    """Unique to one call of publish, so that a retried write recognises its own card."""
    created_at: AwareDatetime
    files: dict[str, StoredFile]


def now() -> datetime:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
