"""The moves of an alias: what its log is made of, and what a reader learns from it."""

import socket
from typing import Final, Literal

from pydantic import AwareDatetime

from registry.card import CardSignature, Frozen, ModelCard, Sha256
from registry.store import Guarantee


class Anything:
    """The type of `ANYTHING`: promote whatever the alias names now."""


ANYTHING: Final = Anything()


class AliasMove(Frozen):
    """One entry of an alias's log: from `sequence` on, the alias names the version of `card`."""

    format: int = 1
    alias: str
    sequence: int
    """Counts the moves of this alias from 1."""
    previous: Sha256 | None
    """SHA-256 of the stored entry before this one, which chains the log; None in the first."""
    move_id: str
    """Unique to one call of promote, so that a retried write recognises its own entry."""
    action: Literal["promote", "rollback"]
    restores: int | None = None
    """Of a rollback: the sequence number of the entry whose target is named again."""
    reason: str
    actor: str
    """user@host, as the mover's machine told it: a hint for people, not a proof."""
    at: AwareDatetime
    """By the mover's clock, but never before the entry before it."""
    overruled: tuple[str, ...] = ()
    """The rules of the promotion gate that this move broke, and was forced past."""
    guarantee: Guarantee
    """How far the store kept this writer apart from others."""
    signatures: tuple[CardSignature, ...] = ()
    """Signatures that were added to the version after it was published."""
    card: ModelCard

    @property
    def state(self) -> int:
        """The sequence number of the entry whose target this one names: its own, if it is new."""
        return self.restores or self.sequence

    def __str__(self) -> str:
        return f"version {self.card.version} since {self.at.isoformat()} by {self.actor}"


class Refusal(Frozen):
    """A promotion that the gate refused: kept beside the log, which it did not change."""

    format: int = 1
    alias: str
    at: AwareDatetime
    actor: str
    reason: str
    name: str
    version: int
    champion: int | None
    """The version that the alias named, and names on."""
    refusals: tuple[str, ...]


class Resolved(Frozen):
    """What an alias names, and the ETag with which to ask whether it still does."""

    move: AliasMove
    etag: str
    digest: Sha256
    """SHA-256 of the stored entry."""
    stale: bool = False
    """Whether the store was away, and this is what it said when it last answered."""

    @property
    def card(self) -> ModelCard:
        """The card of the version that the alias names."""
        return self.move.card


def actor() -> str:
    """user@host of this process."""
    import getpass  # Here, as who only reads need not know who they are.

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # A container may run under a user id that has no name.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
