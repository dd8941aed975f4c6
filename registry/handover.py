"""Hand settings on to another program: as flags for a person to type, or as its environment."""

from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

from pydantic import SecretStr

from registry.configuration import Leaf, Settings, settings_of


class _Value(NamedTuple):
    leaf: Leaf
    value: Any
    was_given: bool


def as_flags(settings: Settings) -> list[str]:
    """Flags that repeat what was given to `settings`, but for secrets, which would be seen."""
    flags = []
    for leaf, value, was_given in _values(settings):
        if not was_given or value is None or isinstance(value, SecretStr):
            continue
        if isinstance(value, bool):
            flags.append(leaf.flag if value else f"--no-{leaf.flag.removeprefix('--')}")
        else:
            flags += [leaf.flag, str(value)]
    return flags


def as_environment(settings: Settings) -> dict[str, str]:
    """Variables that make `settings` anew in any environment, secrets among them.

    All are there, so that none is inherited: an empty one counts as unset.
    """
    return {leaf.env: _typed(value) for leaf, value, _ in _values(settings)}


def secrets_in(settings: Settings) -> list[str]:
    """The variables of the secrets that `settings` hold."""
    return [leaf.env for leaf, value, _ in _values(settings) if isinstance(value, SecretStr)]


def _values(settings: Settings) -> Iterator[_Value]:
    for leaf in settings_of(type(settings)):
        *parents, name = leaf.path
        holder = reduce(getattr, parents, settings)
        yield _Value(leaf, getattr(holder, name), name in holder.model_fields_set)


def _typed(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
