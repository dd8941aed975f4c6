"""The names that docs/registry.md calls public, used as others do; mypy checks this file, too."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import assert_type

import pytest

from registry.card import DraftCard, ModelCard
from registry.catalog import AliasMove, Registry, Resolved
from registry.contract import MODEL_FILE
from registry.errors import ConflictError, RegistryError
from registry.settings import RegistrySettings, open_registry
from tests.programs import ROOT
from tests.registry_examples import draft

GUIDE = (ROOT / "docs/registry.md").read_text()
TABLE = re.findall(r"^\| `(registry\.\w+)` \| (.*) \|$", GUIDE, re.MULTILINE)


@pytest.mark.parametrize(("module", "names"), TABLE)
def test_names_that_are_public_exist(module: str, names: str) -> None:
    for name in re.findall(r"`(\w+)`", names):
        assert hasattr(import_module(module), name)


def test_registry_is_typed_for_others() -> None:
    assert len(TABLE) == 6
    assert (ROOT / "registry/py.typed").exists()


def release(registry: Registry, files: Mapping[str, bytes], card: DraftCard) -> ModelCard:
    """What a consumer might write: its types are what this file is about."""
    published = registry.publish("digits", files, card)
    move = registry.promote(published, "production", reason="released", expect=None)
    assert_type(move, AliasMove)
    return published


def test_a_consumer_publishes_resolves_and_fetches(tmp_path: Path) -> None:
    registry = open_registry(RegistrySettings(store=str(tmp_path)))

    published = release(registry, {MODEL_FILE: b"model"}, draft(0.98))
    present = registry.resolve("digits", "production")

    assert_type(present, Resolved)
    assert present.card == published
    assert registry.fetch(present.card, MODEL_FILE) == b"model"
    assert registry.resolve_if_moved("digits", present) is None


def test_a_consumer_is_told_of_a_conflict(tmp_path: Path) -> None:
    registry = open_registry(RegistrySettings(store=str(tmp_path)))
    published = release(registry, {MODEL_FILE: b"model"}, draft(0.98))

    with pytest.raises(ConflictError) as conflict:
        registry.promote(published, "production", expect=7)

    assert isinstance(conflict.value, RegistryError)
