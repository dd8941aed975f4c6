"""What all processes and machines of a run agree on, written once into OUTPUT."""

from typing import Literal

from registry.card import Frozen, ModelCard, Sha256
from registry.catalog import Registry
from registry.contract import MODEL_FILE
from registry.documents import seal, unseal
from registry.errors import ConflictError, IntegrityError, NotFoundError
from registry.store import ObjectStore
from service.batch_prediction.errors import ClashError
from service.batch_prediction.inputs import Inputs
from service.batch_prediction.settings import BatchSettings

RUN = "run.json"


class Run(Frozen):
    """Whatever decides what a run predicts, and how it is divided."""

    schema_version: int = 1
    input: str
    listing: Sha256
    """Digest of what lay below INPUT."""
    amount: str
    """How much that was, in words."""
    model: str
    alias: str
    version: int
    """What the alias named when the run began."""
    digest: Sha256
    """Of the model's file."""
    format: Literal["jsonl", "parquet"]
    images_per_part: int
    files_per_part: int
    not_a_digit_threshold: float
    confidence_threshold: float
    max_image_pixels: int


def begin_or_join(
    output: ObjectStore, registry: Registry, settings: BatchSettings, inputs: Inputs
) -> tuple[Run, ModelCard]:
    """The run in `output`, begun if there is none, and the card of its version.

    Raises ClashError where the run there is another one, IntegrityError where its version is not
    what it was.
    """
    run = _present(output)
    if run is None:
        card = registry.resolve(settings.registry.model, settings.registry.alias).card
        mine = _described(settings, inputs, card)
        try:
            output.create(RUN, seal(mine))
        except ConflictError:
            pass  # Another machine was first, and its word counts.
        else:
            return mine, card
        run = unseal(Run, output.read(RUN), key=RUN)
    card = registry.card(run.model, run.version)
    if card.files[MODEL_FILE].digest != run.digest:
        raise IntegrityError(
            f"{run.model} version {run.version} is not what it was when the run in "
            f"{output.address} began"
        )
    registry.require_trusted(card, run.alias)
    _check(run, _described(settings, inputs, card), output)
    return run, card


def _present(output: ObjectStore) -> Run | None:
    try:
        return unseal(Run, output.read(RUN), key=RUN)
    except NotFoundError:
        return None


def _described(settings: BatchSettings, inputs: Inputs, card: ModelCard) -> Run:
    return Run(
        input=str(settings.input),
        listing=inputs.digest,
        amount=inputs.summary,
        model=settings.registry.model,
        alias=settings.registry.alias,
        version=card.version,
        digest=card.files[MODEL_FILE].digest,
        format=settings.format,
        images_per_part=settings.images_per_part,
        files_per_part=settings.files_per_part,
        not_a_digit_threshold=settings.not_a_digit_threshold,
        confidence_threshold=settings.confidence_threshold,
        max_image_pixels=settings.max_image_pixels,
    )


def _check(present: Run, mine: Run, output: ObjectStore) -> None:
    """Raise ClashError where the two are not the same run."""
    one, other = present.model_dump(), mine.model_dump()
    changes = [
        f"{name} was {one[name]!r}, is {other[name]!r}"
        for name in one
        # The address may be spelled otherwise, if only the same is there.
        if name not in {"input", "listing", "amount"} and one[name] != other[name]
    ]
    if present.listing != mine.listing:
        changes.append(
            f"INPUT held {present.amount}, holds {mine.amount}"
            if present.amount != mine.amount
            else "files below INPUT have changed, or have other names"
        )
    if changes:
        raise ClashError(
            f"{output.address} holds another run: {'; '.join(changes)}. Run it as it was begun, "
            "or give another OUTPUT"
        )
