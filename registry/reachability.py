"""What is needed: the bytes that a version, an alias or kept history names."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from registry import keys
from registry.aliases import Alias
from registry.card import ModelCard
from registry.errors import NotFoundError
from registry.moves import AliasMove
from registry.publishing import read_version
from registry.store import ObjectStore

_READERS = 8


def needed_digests(store: ObjectStore, since: datetime) -> set[str]:
    """Digests of the bytes that a version names, or an alias in a move made after `since`."""
    return {
        file.digest
        for model in store.folders(keys.MODELS)
        for card in (*cards(store, model), *(move.card for move in kept_moves(store, model, since)))
        for file in card.files.values()
    }


def cards(store: ObjectStore, model: str) -> Iterator[ModelCard]:
    """The cards of all versions but the deleted ones, newest first, read a few at a time."""
    numbers = [keys.number_of(entry.key) for entry in store.listing(keys.versions(model))]
    with ThreadPoolExecutor(_READERS) as readers:
        for record in readers.map(lambda number: read_version(store, model, number), numbers):
            if isinstance(record, ModelCard):
                yield record


def kept_moves(store: ObjectStore, model: str, since: datetime) -> Iterator[AliasMove]:
    """The moves of all aliases that are kept.

    These are what each alias names, what it would be rolled back to, and all made after `since`.
    """
    for name in store.folders(keys.logs(model)):
        alias = Alias(store, model, name)
        moves = {move.sequence: move for move, _ in alias.entries(alias.sequences())}
        head = moves[max(moves)]
        yield head
        yield from (moves[n] for n in {head.state, head.state - 1} & moves.keys())
        yield from (move for move in moves.values() if move.at >= since)
        with suppress(NotFoundError):  # Never written yet, or lost: the log has it.
            yield alias.head().move
