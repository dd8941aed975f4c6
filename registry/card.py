"""The model card: everything that is known of one immutable version of a model."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    StringConstraints,
    model_validator,
)

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


def _is_unknown(value: object) -> bool:
    return value is None


class Lineage(Frozen):
    """Where a model comes from: enough to train it again.

    A field with a default was added later. Where it is not known it is left out of the document, so
    that the cards of earlier releases keep their bytes, in exports and in logs as well.
    """

    data: dict[str, Sha256]
    """SHA-256 of each data file, uncompressed."""
    seed: int
    git_commit: str | None
    """None where the code was not in a git checkout."""
    git_dirty: bool | None
    packages: dict[str, str]
    python: str
    hardware: str
    """For people to read."""
    device: str | None = Field(None, exclude_if=_is_unknown)
    """What it was trained on: cpu or cuda."""
    threads: int | None = Field(None, ge=1, exclude_if=_is_unknown)
    """CPU threads of each process: another number rounds sums in another order."""
    processes: int | None = Field(None, ge=1, exclude_if=_is_unknown)
    """Processes that shared each minibatch, the ranks of a distributed run."""


class Outcomes(Frozen):
    """Which examples of a test set a model got right: a bit each, so that models can be compared.

    The ten thousand images of MNIST's test set cost 1,668 characters.
    """

    test_set: Sha256
    """SHA-256 of the examples, their order and their labels: outcomes compare where it is equal."""
    examples: Annotated[int, Field(ge=1)]
    correct: str
    """The bits in base64, first example first, padded with zeros to whole bytes."""

    @model_validator(mode="after")
    def _as_many_bits_as_examples(self) -> Self:
        if len(base64.b64decode(self.correct, validate=True)) != (self.examples + 7) // 8:
            raise ValueError(f"correct has not {self.examples} bits, which is what examples says")
        return self

    @classmethod
    def of(cls, correct: Iterable[bool], *, test_set: str) -> Self:
        """The outcomes of a model that was right on those examples for which `correct` is true."""
        bits = "".join("1" if right else "0" for right in correct)
        padded = bits + "0" * (-len(bits) % 8)
        packed = int(padded or "0", 2).to_bytes(len(padded) // 8, "big")
        return cls(test_set=test_set, examples=len(bits), correct=base64.b64encode(packed).decode())

    @property
    def bits(self) -> int:
        """One bit for each example, 1 where the model was right: the first is the highest."""
        return int.from_bytes(base64.b64decode(self.correct), "big")


class CardSignature(Frozen):
    """An Ed25519 signature over what a card says of its model (`registry.signing`)."""

    key_id: str
    signature: str
    """In base64."""


class DraftCard(Frozen):
    """What the publisher knows of a model; the registry adds the rest."""

    recipe: dict[str, JsonValue]
    metrics: dict[str, FiniteFloat]
    signature: Signature
    lineage: Lineage
    tags: dict[str, str] = {}
    outcomes: Outcomes | None = None


class ModelCard(DraftCard):
    """One version of a model. The card is immutable; aliases move, cards do not."""

    format: int = 1
    name: str
    version: Annotated[int, Field(ge=1)]
    publish_id: str
    """Unique to one call of publish, so that a retried write recognises its own card."""
    created_at: AwareDatetime
    files: dict[str, StoredFile]
    signatures: tuple[CardSignature, ...] = ()

    @property
    def draft(self) -> DraftCard:
        """What the publisher said."""
        return DraftCard.model_validate(self.model_dump(include=set(DraftCard.model_fields)))


def now() -> datetime:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
