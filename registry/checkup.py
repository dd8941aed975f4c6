"""`doctor`: what is wrong with a registry, and what of it can be repaired."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from registry import audit, blobs, keys, publishing
from registry.aliases import Alias
from registry.card import Frozen, ModelCard, StoredFile
from registry.errors import IntegrityError, NotFoundError
from registry.store import Guarantee, ObjectStore

_READERS = 8


class Finding(Frozen):
    """One thing that is wrong."""

    where: str
    what: str


class Checkup(Frozen):
    """What `examine` found."""

    store: str
    answer_ms: float
    """How long one small request took."""
    guarantee: Guarantee
    models: int
    versions: int
    blobs: int
    blob_bytes: int
    trash_bytes: int
    findings: tuple[Finding, ...]
    repaired: tuple[str, ...]


def examine(store: ObjectStore, *, repair: bool = False, deep: bool = False) -> Checkup:
    """Check the store, every card, every log and, with `deep`, every byte.

    Without `deep`, files are only checked for being there in their size. `repair` brings pointers
    up to their logs; nothing else is written, but for the probe of a store other than a directory.
    """
    began_s = time.perf_counter()
    models = store.folders(keys.MODELS)
    answer_ms = (time.perf_counter() - began_s) * 1000
    guarantee = store.guarantee()
    repaired = tuple(_repairs(store, models)) if repair else ()
    stored = {keys.digest_of(blob.key): blob.size_bytes for blob in store.listing(keys.BLOBS)}
    findings, cards = list(_guarantee_findings(guarantee)), list[ModelCard]()
    for model in models:
        for found in _cards(store, model):
            if isinstance(found, ModelCard):
                cards.append(found)
            else:
                findings.append(found)
        findings += _alias_findings(store, model)
    findings += _file_findings(store, cards, stored, deep=deep)
    return Checkup(
        store=store.address,
        answer_ms=answer_ms,
        guarantee=guarantee,
        models=len(models),
        versions=len(cards),
        blobs=len(stored),
        blob_bytes=sum(stored.values()),
        trash_bytes=sum(copy.size_bytes for copy in store.listing(keys.TRASH)),
        findings=tuple(findings),
        repaired=repaired,
    )


def _repairs(store: ObjectStore, models: list[str]) -> Iterator[str]:
    for model in models:
        for name in store.folders(keys.logs(model)):
            if Alias(store, model, name).catch_up():
                yield f"{model}@{name}: brought the pointer up to the log"


def _guarantee_findings(guarantee: Guarantee) -> Iterator[Finding]:
    if guarantee is Guarantee.NONE:
        yield Finding(where="store", what="ignores If-None-Match on writing: for one writer only")
    if guarantee is Guarantee.CREATE_ONLY:
        yield Finding(where="store", what="ignores If-Match on writing: the log decides")


def _cards(store: ObjectStore, model: str) -> Iterator[ModelCard | Finding]:
    """The cards of a model, with a finding in the place of each that cannot be read."""
    numbers = [keys.number_of(entry.key) for entry in store.listing(keys.versions(model))]
    for missing in sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)):
        yield Finding(where=keys.card(model, missing), what="is missing: a gap")

    def read(version: int) -> ModelCard | Finding | None:
        try:
            record = publishing.read_version(store, model, version)
        except (IntegrityError, NotFoundError) as error:
            return Finding(where=keys.card(model, version), what=str(error))
        return record if isinstance(record, ModelCard) else None

    with ThreadPoolExecutor(_READERS) as readers:
        yield from (found for found in readers.map(read, numbers) if found is not None)


def _damage(
    store: ObjectStore, file: StoredFile, sizes: dict[str, int], *, deep: bool
) -> str | None:
    if sizes.get(file.digest) == file.size_bytes and not deep:
        return None
    try:
        blobs.read(store, file)
    except (IntegrityError, NotFoundError) as error:
        return str(error)
    return None


def _file_findings(
    store: ObjectStore, model_cards: list[ModelCard], sizes: dict[str, int], *, deep: bool
) -> Iterator[Finding]:
    wanted = {
        file.digest: (f"{card.name} version {card.version}, {name}", file)
        for card in model_cards
        for name, file in card.files.items()
    }
    with ThreadPoolExecutor(_READERS) as readers:
        damages = readers.map(
            lambda item: _damage(store, item[1], sizes, deep=deep), wanted.values()
        )
        for (where, _), damage in zip(wanted.values(), damages, strict=True):
            if damage:
                yield Finding(where=where, what=damage)


def _alias_findings(store: ObjectStore, model: str) -> Iterator[Finding]:
    for name in store.folders(keys.logs(model)):
        for what in audit.verify(store, model, name).findings:
            yield Finding(where=f"{model}@{name}", what=what)
        alias = Alias(store, model, name)
        try:
            target = alias.head().card
            record = publishing.read_version(store, model, target.version)
        except (IntegrityError, NotFoundError) as error:
            yield Finding(where=f"{model}@{name}", what=str(error))
        else:
            if record != target:
                what = f"names version {target.version}, which was deleted or is another one here"
                yield Finding(where=f"{model}@{name}", what=what)
