"""What can go wrong in the registry, sorted by what the caller does next.

RegistryError
├── InvalidNameError        correct the name, alias, query or policy
├── NotFoundError           publish or promote something first
│   └── DeletedError        choose another version: this one is gone for good
├── ConflictError           read again, then decide again
│   └── AliasMovedError     the same, of an alias; its `present` is what the winner did
├── IntegrityError          do not use these bytes, do not retry
├── RefusedError            correct the model, or overrule the gate and say why
├── UntrustedError          sign the model, or correct the list of trusted keys
├── InUseError              move the alias first
└── StoreUnavailableError   try again later, or correct the store's settings
    └── UnsafeStoreError    the store cannot keep promises: use another one, or be its only writer
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.moves import AliasMove


class RegistryError(Exception):
    """Any failure of the registry; its text is one sentence for the user."""


class InvalidNameError(RegistryError):
    """A model name, alias, search term or policy is malformed."""


class NotFoundError(RegistryError):
    """The named model, version, alias or object does not exist."""


class DeletedError(NotFoundError):
    """The version existed and was deleted; its number is never used again."""


class ConflictError(RegistryError):
    """Another writer got there first."""


class AliasMovedError(ConflictError):
    """The alias does not name what the caller expected it to name."""

    def __init__(self, message: str, present: "AliasMove | None") -> None:
        """Carry `present`, the alias's newest move, or None where it is not set."""
        super().__init__(message)
        self.present = present


class IntegrityError(RegistryError):
    """Stored bytes are not what was written."""


class RefusedError(RegistryError):
    """The promotion gate said no; `refusals` has one sentence for each rule that was broken."""

    def __init__(self, message: str, refusals: tuple[str, ...]) -> None:
        """Carry the broken rules."""
        super().__init__(message)
        self.refusals = refusals


class UntrustedError(RegistryError):
    """The policy asks for a signature that the model does not have."""


class InUseError(RegistryError):
    """The version is needed by an alias, or by history that is still kept."""


class StoreUnavailableError(RegistryError):
    """The store does not answer, or refuses the request."""


class UnsafeStoreError(StoreUnavailableError):
    """The store ignores the preconditions that keep concurrent writers apart."""
