"""What may stand at the key of a version: its card or, once it was deleted, a tombstone."""

from pydantic import AwareDatetime, RootModel

from registry.card import Frozen, ModelCard


class Tombstone(Frozen):
    """What stands in the place of the card of a version that was deleted."""

    format: int = 1
    name: str
    version: int
    deleted_at: AwareDatetime
    deleted_by: str
    reason: str


class VersionRecord(RootModel[ModelCard | Tombstone]):
    """What the key of a version holds."""
