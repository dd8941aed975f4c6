"""Check an alias's log from end to end: was an entry edited, removed or put elsewhere?

Each entry holds the SHA-256 of the stored entry before it, and the pointer is a copy of the newest.
Whoever can write to the store can still cut off the newest entries together with the pointer: only
an anchor that was kept elsewhere (this check prints one) shows that.
"""

from typing import NamedTuple

from registry.aliases import Alias
from registry.card import Frozen
from registry.errors import IntegrityError, NotFoundError
from registry.moves import AliasMove
from registry.store import ObjectStore


class Anchor(NamedTuple):
    """One entry as somebody saw it: the log must still hold it."""

    sequence: int
    digest: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """The anchor that `str` writes; raises ValueError."""
        sequence, _, digest = text.partition(":")
        return cls(int(sequence), digest)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.digest}"


class Audit(Frozen):
    """What the check of one log found."""

    alias: str
    moves: int
    anchor: str | None
    """`sequence:digest` of the newest entry: keep it elsewhere, and check against it later."""
    findings: tuple[str, ...]
    """One sentence for each thing that is wrong; empty where nothing is."""


def verify(store: ObjectStore, model: str, name: str, anchor: Anchor | None = None) -> Audit:
    """Read the whole log of one alias and say what is wrong with it."""
    alias = Alias(store, model, name)
    sequences = alias.sequences()[::-1]
    findings = [
        f"move {missing} of {name} is missing"
        for missing in sorted(set(range(1, max(sequences, default=0) + 1)) - set(sequences))
    ]
    digests: dict[int, str] = {}
    before: AliasMove | None = None
    for sequence in sequences:
        try:
            move, digest = alias.entry(sequence)
        except IntegrityError as error:
            findings.append(str(error))
            before = None
            continue
        findings += _chain(name, move, before, digests.get(sequence - 1))
        digests[sequence] = digest
        before = move
    findings += _pointer(store, model, name, sequences, digests)
    if anchor and digests.get(anchor.sequence) != anchor.digest:
        findings.append(f"move {anchor.sequence} of {name} is not the one that was anchored")
    newest = max(digests, default=None)
    return Audit(
        alias=name,
        moves=len(sequences),
        anchor=str(Anchor(newest, digests[newest])) if newest else None,
        findings=tuple(findings),
    )


def _chain(
    name: str, move: AliasMove, before: AliasMove | None, digest_before: str | None
) -> list[str]:
    findings = []
    if digest_before is not None and move.previous != digest_before:
        findings.append(
            f"move {move.sequence} of {name} does not follow the move before it as it is stored: "
            "one of the two was edited or exchanged"
        )
    if move.sequence == 1 and move.previous is not None:
        findings.append(f"move 1 of {name} follows a move that is not there")
    if before and move.at < before.at:
        findings.append(f"move {move.sequence} of {name} is older than the one before it")
    return findings


def _pointer(
    store: ObjectStore, model: str, name: str, sequences: list[int], digests: dict[int, str]
) -> list[str]:
    newest = max(sequences, default=0)
    try:
        pointer = Alias(store, model, name).pointed()
    except NotFoundError:
        return [f"{name} has a log but no pointer: `doctor --repair` makes it"] if newest else []
    except IntegrityError as error:
        return [str(error)]
    if pointer.move.sequence > newest:
        return [
            f"{name} points to move {pointer.move.sequence}, but its log ends at {newest}: "
            "entries were removed"
        ]
    if pointer.digest != digests.get(pointer.move.sequence):
        return [f"{name} points to a move {pointer.move.sequence} that is not the log's"]
    if pointer.move.sequence < newest:
        return [
            f"{name} points to move {pointer.move.sequence}, its log goes on to {newest}: a writer "
            "died, and the next one or `doctor --repair` finishes its move"
        ]
    return []
