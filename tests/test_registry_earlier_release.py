"""What an earlier release wrote stays valid, byte for byte, when the card gets new fields."""

import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel

from registry import audit, bundle, checkup, keys
from registry.card import ModelCard
from registry.catalog import Registry
from registry.documents import seal, sha256, unseal
from registry.local import LocalStore
from registry.moves import AliasMove
from registry.policy import AliasPolicy, Policy
from tests.registry_examples import DIGITS, PRODUCTION

EARLIER = Path(__file__).parent / "data/earlier-registry"
SIGNED_BY = "ed25519:cyCMwN1Zcm1ZHWOS0LGwxksAcQVQQQM3iKupjExWHpw="
EXPORTED = "36b7a90c4e22b6925ec2eec3b45b079c93e572edb5f0c2db7989a38b03995546"
"""SHA-256 of what the earlier release exported."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A copy of the earlier registry, where only what its key signed is trusted."""
    shutil.copytree(EARLIER, tmp_path / "store")
    policy = Policy(keys={"ci": SIGNED_BY}, default=AliasPolicy(signed_by=("ci",)))
    return Registry(LocalStore(tmp_path / "store"), policy=policy)


def test_earlier_registry_is_sound(registry: Registry) -> None:
    assert checkup.examine(registry.store, deep=True).findings == ()
    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()


def test_field_added_later_is_unknown_in_an_earlier_card(registry: Registry) -> None:
    lineage = registry.card(DIGITS, 1).lineage

    assert (lineage.device, lineage.threads, lineage.processes) == (None, None, None)


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (ModelCard, keys.card(DIGITS, 1)),
        (AliasMove, keys.log_entry(DIGITS, PRODUCTION, 1)),
        (AliasMove, keys.pointer(DIGITS, PRODUCTION)),
    ],
)
def test_earlier_document_is_sealed_to_the_same_bytes(
    registry: Registry, document: type[BaseModel], key: str
) -> None:
    stored = registry.store.read(key)

    assert seal(unseal(document, stored, key=key)) == stored


def test_earlier_signature_stays_valid(registry: Registry) -> None:
    resolved = registry.resolve(DIGITS, PRODUCTION)

    move = registry.promote(resolved.card, "canary")

    assert move.card == registry.resolve(DIGITS, "canary").card == registry.card(DIGITS, 1)


def test_earlier_version_is_exported_to_the_same_bytes(registry: Registry, tmp_path: Path) -> None:
    bundle.export(registry, registry.card(DIGITS, 1), tmp_path / "v1.tar")

    assert sha256((tmp_path / "v1.tar").read_bytes()) == EXPORTED


def test_earlier_version_is_imported_once(registry: Registry, tmp_path: Path) -> None:
    bundle.export(registry, registry.card(DIGITS, 1), tmp_path / "v1.tar")

    imported = [bundle.import_version(registry, tmp_path / "v1.tar") for _ in range(2)]

    assert [card.version for card in imported] == [2, 2]
    assert registry.promote(imported[0], PRODUCTION).card.version == 2
