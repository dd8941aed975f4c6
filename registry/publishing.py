"""Publish a version: bytes first, then the card that reveals them.

A crash leaves bytes that nobody names, never a card without bytes. The card's key is the version's
number, and creating it where nothing is there is what makes numbers gapless and distinct.
"""

import random
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from registry import blobs, keys
from registry.card import (
    DraftCard,
    ModelCard,
    StoredFile,
    now,
)
from registry.documents import seal, unseal
from registry.elapsed import Elapsed
from registry.errors import ConflictError, DeletedError, IntegrityError, NotFoundError
from registry.signing import Signer, statement
from registry.store import ObjectStore
from registry.tombstone import Tombstone, VersionRecord

# The garbage collector keeps what it sets aside for a day at least (registry.collection), so bytes
# that it set aside under a publisher's nose are safe if the publisher is done long before.
UPLOAD_STAYS_FRESH_S = 3600.0

RECENT_VERSIONS = 8
"""So many of the newest versions may be what a repeated call wants to publish."""


class Publication(NamedTuple):
    """What is to be published."""

    model: str
    files: Mapping[str, bytes]
    draft: DraftCard
    publish_id: str | None = None
    """Names this publication over several calls; None: each call is one of its own."""


def publish(store: ObjectStore, publication: Publication, signer: Signer | None) -> ModelCard:
    """Store the files as the next version and return its card; three requests for one file.

    With a `publish_id` of the caller's, a request for each of the newest RECENT_VERSIONS finds
    whether an earlier call with the same one got through, and returns its card if so.
    """
    since_upload = Elapsed()
    stored = blobs.upload(store, publication.files)
    listed = store.listing(
        keys.versions(publication.model), limit=RECENT_VERSIONS if publication.publish_id else 1
    )
    recent = [keys.number_of(entry.key) for entry in listed]
    if publication.publish_id:
        earlier = _published_earlier(store, publication, recent)
        if earlier:
            return earlier
    card = _card(publication, stored, max(recent, default=0) + 1, signer)
    losses = 0
    while not _commit(store, card):
        # Whoever lost together would lose together again, but for the jitter.
        time.sleep(random.uniform(0, 0.02 * 2 ** min(losses, 4)))  # noqa: S311
        losses += 1
        if since_upload.seconds > UPLOAD_STAYS_FRESH_S:
            since_upload = Elapsed()
            blobs.upload(store, publication.files)
        taken = newest_version(store, card.name)
        card = card.model_copy(update={"version": max(taken, card.version) + 1})
    return card


def _published_earlier(
    store: ObjectStore, publication: Publication, versions: list[int]
) -> ModelCard | None:
    """The card that an earlier call with the same publish id made, if it is one of `versions`."""

    def read(version: int) -> ModelCard | Tombstone | None:
        try:
            return read_version(store, publication.model, version)
        except (IntegrityError, NotFoundError):
            return None  # Even if it was ours: what is damaged or gone has to be published again.

    with ThreadPoolExecutor(RECENT_VERSIONS) as readers:
        for record in readers.map(read, versions):
            if isinstance(record, ModelCard) and record.publish_id == publication.publish_id:
                return record
    return None


def _commit(store: ObjectStore, card: ModelCard) -> bool:
    try:
        store.create(keys.card(card.name, card.version), seal(card))
    except ConflictError:
        return False
    return True


def newest_version(store: ObjectStore, model: str) -> int:
    """The newest version number of `model`, 0 where there is none; one request."""
    newest = store.listing(keys.versions(model), limit=1)
    return keys.number_of(newest[0].key) if newest else 0


def read_version(store: ObjectStore, model: str, version: int) -> ModelCard | Tombstone:
    """What is known of one version, checked; raises NotFoundError."""
    key = keys.card(model, version)
    try:
        record = unseal(VersionRecord, store.read(key), key=key).root
    except NotFoundError:
        raise NotFoundError(f"{model} has no version {version} in {store.address}") from None
    if (record.name, record.version) != (model, version):
        raise IntegrityError(f"{key} holds the card of {record.name} version {record.version}")
    return record


def read_card(store: ObjectStore, model: str, version: int) -> ModelCard:
    """The card of one version, checked; raises NotFoundError, DeletedError."""
    record = read_version(store, model, version)
    if isinstance(record, Tombstone):
        raise DeletedError(
            f"{model} version {version} was deleted at {record.deleted_at.isoformat()} "
            f"by {record.deleted_by}: {record.reason}"
        )
    return record


def _card(
    publication: Publication, stored: dict[str, StoredFile], version: int, signer: Signer | None
) -> ModelCard:
    signed = statement(publication.model, publication.draft, stored)
    return ModelCard(
        **publication.draft.model_dump(),
        name=publication.model,
        version=version,
        publish_id=publication.publish_id or uuid.uuid4().hex,
        created_at=now(),
        files=stored,
        signatures=(signer.sign(signed),) if signer else (),
    )
