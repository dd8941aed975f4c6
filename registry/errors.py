"""What can go wrong in the registry, sorted by what the caller does next.

RegistryError
├── InvalidNameError        correct the name, alias or address
├── NotFoundError           publish or promote something first
├── ConflictError           read again, then decide again
├── IntegrityError          do not use these bytes, do not retry
└── StoreUnavailableError   try again later, or correct the store's settings
"""


class RegistryError(Exception):
    """Any failure of the registry; its text is one sentence for the user."""


class InvalidNameError(RegistryError):
    """A model name, alias or store address is malformed."""


class NotFoundError(RegistryError):
    """The named model, version, alias or object does not exist."""


class ConflictError(RegistryError):
    """Another writer got there first."""


class IntegrityError(RegistryError):
    """Stored bytes are not what was written."""


class StoreUnavailableError(RegistryError):
    """The store does not answer, or refuses the request."""
