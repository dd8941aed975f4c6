"""What a command of `python -m registry` is given, and what it has to say."""

import argparse
from typing import Any, NamedTuple

from pydantic import BaseModel

from registry.card import ModelCard
from registry.catalog import Registry
from registry.settings import RegistrySettings

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_NOT_FOUND = 4
EXIT_DAMAGED = 5
EXIT_REFUSED = 6
EXIT_INTERRUPTED = 130


class Call(NamedTuple):
    """One call of the program."""

    registry: Registry
    settings: RegistrySettings
    arguments: argparse.Namespace

    def card(self, reference: str | None = None) -> ModelCard:
        """The card of `reference`, a version number or an alias; of the settings' alias if None."""
        if reference and reference.isdigit():
            return self.registry.card(self.settings.model, int(reference))
        alias = reference.removeprefix("@") if reference else self.settings.alias
        return self.registry.resolve(self.settings.model, alias).card


class Report(NamedTuple):
    """A document for programs, text for people, and an exit status."""

    document: Any
    text: str
    status: int = EXIT_DONE

    @classmethod
    def of(cls, document: BaseModel, text: str, status: int = EXIT_DONE) -> "Report":
        """A report whose document is a pydantic model."""
        return cls(document.model_dump(mode="json"), text, status)
