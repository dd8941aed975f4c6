"""Delete a version: its card gives way to a tombstone, so that its number is never used again.

The bytes become garbage, unless something else names them, and go the collector's way.
"""

from datetime import UTC, datetime, timedelta

from registry import keys
from registry.card import Frozen, ModelCard, StoredFile, now
from registry.collection import RETENTION
from registry.documents import seal, unseal
from registry.errors import DeletedError, InUseError
from registry.moves import actor
from registry.reachability import cards, kept_moves
from registry.store import ObjectStore
from registry.tombstone import Tombstone, VersionRecord


class Loss(Frozen):
    """What deleting a version would lose."""

    card: ModelCard
    only_here: dict[str, StoredFile]
    """Files whose bytes no other version names."""

    @property
    def size_bytes(self) -> int:
        """How much room the garbage collector will free."""
        return sum({file.digest: file.size_bytes for file in self.only_here.values()}.values())


def loss(store: ObjectStore, model: str, version: int, *, retention: timedelta = RETENTION) -> Loss:
    """What deleting the version would lose; reads all cards and logs of the model.

    Raises NotFoundError, DeletedError, and InUseError where an alias names the version, would be
    rolled back to it, or named it within `retention`.
    """
    _require_unused(store, model, version, retention)
    everything = list(cards(store, model))
    found = [card for card in everything if card.version == version]
    if not found:
        raise DeletedError(f"{model} has no version {version} that could be deleted")
    elsewhere = {
        file.digest
        for card in everything
        if card.version != version
        for file in card.files.values()
    }
    only = {name: file for name, file in found[0].files.items() if file.digest not in elsewhere}
    return Loss(card=found[0], only_here=only)


def delete(
    store: ObjectStore,
    model: str,
    version: int,
    *,
    reason: str,
    retention: timedelta = RETENTION,
) -> Loss:
    """Put a tombstone in the place of the card, and return what is lost by it; as `loss` raises.

    An alias that is moved to the version meanwhile wins: the card is put back.
    """
    lost = loss(store, model, version, retention=retention)
    key = keys.card(model, version)
    present = store.get(key)
    if isinstance(unseal(VersionRecord, present.body, key=key).root, Tombstone):
        raise DeletedError(f"{model} version {version} is deleted already")
    tombstone = Tombstone(
        name=model, version=version, deleted_at=now(), deleted_by=actor(), reason=reason
    )
    etag = store.replace(key, seal(tombstone), etag=present.etag)
    try:
        _require_unused(store, model, version, retention)
    except InUseError:
        store.replace(key, present.body, etag=etag)
        raise
    return lost


def _require_unused(store: ObjectStore, model: str, version: int, retention: timedelta) -> None:
    for move in kept_moves(store, model, datetime.now(UTC) - retention):
        if move.card.version == version:
            raise InUseError(
                f"{model} version {version} is needed: {move.alias} named it from "
                f"{move.at.isoformat()} (move {move.sequence}), and such history is kept for "
                f"{retention.days} days"
            )
