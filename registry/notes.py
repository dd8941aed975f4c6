"""What is learned of a version after it was published: tags, metrics, remarks, signatures.

The card is immutable, so these lie beside it, each in an object of its own that is never changed.
A later tag or metric hides an earlier one of the same name.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, Field, FiniteFloat

from registry import keys
from registry.card import CardSignature, Frozen, ModelCard, now
from registry.documents import Document, seal, unseal
from registry.moves import Refusal, actor
from registry.signing import Signer, statement
from registry.store import ObjectStore

_READERS = 8


class Note(Frozen):
    """One addition to a version."""

    format: int = 1
    at: AwareDatetime
    actor: str
    text: str = ""
    tags: dict[str, str] = Field(default={})
    metrics: dict[str, FiniteFloat] = Field(default={})


def annotate(
    store: ObjectStore,
    card: ModelCard,
    *,
    text: str = "",
    tags: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
) -> Note:
    """Add to the version of `card`; one request."""
    note = Note(at=now(), actor=actor(), text=text, tags=tags or {}, metrics=metrics or {})
    _append(store, keys.notes(card.name, card.version), note)
    return note


def notes(store: ObjectStore, model: str, version: int) -> list[Note]:
    """What was added to one version, oldest first; one request and one for each note."""
    return _read_all(store, keys.notes(model, version), Note)


def with_notes(card: ModelCard, added: Sequence[Note]) -> ModelCard:
    """`card` as if its tags and metrics had been known when it was published."""
    tags, metrics = dict(card.tags), dict(card.metrics)
    for note in added:
        tags |= note.tags
        metrics |= note.metrics
    return card.model_copy(update={"tags": tags, "metrics": metrics})


def sign(store: ObjectStore, card: ModelCard, signer: Signer) -> CardSignature:
    """Add a signature to the version of `card`; one request."""
    signature = signer.sign(statement(card.name, card.draft, card.files))
    attach(store, card, signature)
    return signature


def attach(store: ObjectStore, card: ModelCard, signature: CardSignature) -> None:
    """Add a signature that was made elsewhere; one request."""
    store.put(f"{keys.signatures(card.name, card.version)}{signature.key_id}.json", seal(signature))


def signatures(store: ObjectStore, card: ModelCard) -> list[CardSignature]:
    """The signatures that were added to the version; one request and one for each."""
    return _read_all(store, keys.signatures(card.name, card.version), CardSignature)


def refuse(store: ObjectStore, model: str, refusal: Refusal) -> None:
    """Keep a refusal of the promotion gate; one request."""
    _append(store, keys.refusals(model, refusal.alias), refusal)


def refusals(store: ObjectStore, model: str, alias: str) -> list[Refusal]:
    """The promotions that the gate refused, oldest first; one request and one for each."""
    return _read_all(store, keys.refusals(model, alias), Refusal)


def _append(store: ObjectStore, prefix: str, document: BaseModel) -> None:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    store.create(f"{prefix}{moment}-{uuid.uuid4().hex}.json", seal(document))


def _read_all(store: ObjectStore, prefix: str, model: type[Document]) -> list[Document]:
    def read(key: str) -> Document:
        return unseal(model, store.read(key), key=key)

    listed = store.listing(prefix)
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(read, (entry.key for entry in listed)))
