"""Signatures: who vouches for a version, and who is believed."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from registry import keys as places
from registry import notes
from registry.card import CardSignature, DraftCard
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import InvalidNameError, UntrustedError
from registry.policy import AliasPolicy, Policy
from registry.signing import Signer, signers, statement
from tests.registry_examples import DIGITS, DRAFT, PRODUCTION, draft, publish
from tests.registry_memory import MemoryStore


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.create(tmp_path / "ci.pem")


@pytest.fixture
def stranger(tmp_path: Path) -> Signer:
    return Signer.create(tmp_path / "stranger.pem")


@pytest.fixture
def policy(signer: Signer) -> Policy:
    return Policy(
        keys={"ci": signer.public_key}, aliases={PRODUCTION: AliasPolicy(signed_by=("ci",))}
    )


@pytest.fixture
def registry(policy: Policy) -> Registry:
    return Registry(MemoryStore(), policy=policy)


def test_what_the_publisher_signs_may_be_promoted(registry: Registry, signer: Signer) -> None:
    registry.signer = signer
    card = publish(registry)

    registry.promote(card, PRODUCTION)

    assert registry.resolve(DIGITS, PRODUCTION).card == card


def test_the_unsigned_may_not_be_promoted(registry: Registry) -> None:
    with pytest.raises(UntrustedError, match="version 1 is not validly signed by ci"):
        registry.promote(publish(registry), PRODUCTION)


def test_force_does_not_replace_a_signature(registry: Registry) -> None:
    with pytest.raises(UntrustedError):
        registry.promote(publish(registry), PRODUCTION, force=True, reason="a drill")


def test_a_strangers_signature_is_none(registry: Registry, stranger: Signer) -> None:
    registry.signer = stranger

    with pytest.raises(UntrustedError):
        registry.promote(publish(registry), PRODUCTION)


def test_other_aliases_need_no_signature(registry: Registry) -> None:
    assert registry.promote(publish(registry), "canary").sequence == 1


def test_a_signature_may_come_later(registry: Registry, signer: Signer) -> None:
    card = publish(registry)
    notes.sign(registry.store, card, signer)

    move = registry.promote(card, PRODUCTION)

    assert len(move.signatures) == 1
    assert registry.resolve(DIGITS, PRODUCTION).card == card
    registry.promote(publish(registry, b"unsigned"), "canary")


def test_readers_refuse_what_the_policy_does_not_trust(registry: Registry) -> None:
    careless = Registry(registry.store)
    careless.promote(publish(careless), PRODUCTION)

    with pytest.raises(UntrustedError):
        registry.resolve(DIGITS, PRODUCTION)


def test_a_reader_that_follows_refuses_as_well(registry: Registry, signer: Signer) -> None:
    registry.signer = signer
    registry.promote(publish(registry), PRODUCTION)
    known = registry.resolve(DIGITS, PRODUCTION)
    careless = Registry(registry.store)
    careless.promote(publish(careless, b"unsigned"), PRODUCTION)

    with pytest.raises(UntrustedError):
        registry.resolve_if_moved(DIGITS, known)


def test_rollback_to_the_unsigned_is_refused(registry: Registry, signer: Signer) -> None:
    careless = Registry(registry.store)
    careless.promote(publish(careless), PRODUCTION)
    registry.signer = signer
    registry.promote(publish(registry, b"signed"), PRODUCTION)

    with pytest.raises(UntrustedError, match="version 1"):
        registry.rollback(DIGITS, PRODUCTION)


def test_any_change_to_what_was_signed_invalidates(registry: Registry, signer: Signer) -> None:
    registry.signer = signer
    card = publish(registry)
    trusted = {"ci": signer.public_key}
    assert signers(card, card.signatures, trusted) == ["ci"]

    changes: list[dict[str, object]] = [
        {"metrics": card.metrics | {"accuracy": 0.99}},
        {"files": {"other.onnx": card.files["model.onnx"]}},
        {"name": "letters"},
        {"recipe": {}},
        {"tags": {"approved": "yes"}},
        {"lineage": card.lineage.model_copy(update={"seed": 8})},
    ]
    for change in changes:
        forged = card.model_copy(update=change)
        assert signers(forged, card.signatures, trusted) == []


def test_what_the_registry_adds_is_not_signed(registry: Registry, signer: Signer) -> None:
    registry.signer = signer
    card = publish(registry)

    renumbered = card.model_copy(update={"version": 17, "publish_id": "other"})

    assert signers(renumbered, card.signatures, {"ci": signer.public_key}) == ["ci"]


def test_a_damaged_signature_is_no_error_but_none(registry: Registry, signer: Signer) -> None:
    registry.signer = signer
    card = publish(registry)
    [sound] = card.signatures

    for text in ("", "AAAA", "not base64!"):
        damaged = CardSignature(key_id=sound.key_id, signature=text)
        assert signers(card, [damaged], {"ci": signer.public_key}) == []


def test_fields_that_later_releases_add_do_not_invalidate() -> None:
    assert b"outcomes" not in statement(DIGITS, DRAFT, {})
    assert b"tags" not in statement(DIGITS, DRAFT, {})
    assert b"team" in statement(DIGITS, draft(tags={"team": "vision"}), {})
    assert isinstance(DRAFT, DraftCard)


def test_a_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = Signer.create(tmp_path / "key.pem")

    assert Signer.read(tmp_path / "key.pem").public_key == written.public_key
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    Signer.create(tmp_path / "key.pem")

    with pytest.raises(InvalidNameError, match="cannot write the key"):
        Signer.create(tmp_path / "key.pem")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)

    with pytest.raises(InvalidNameError, match="holds no unencrypted Ed25519 private key"):
        Signer.read(path)


def test_another_process_signs_the_same(registry: Registry, signer: Signer, tmp_path: Path) -> None:
    registry.signer = signer
    card = publish(registry)
    (tmp_path / "statement").write_bytes(statement(card.name, card.draft, card.files))
    program = (
        "import base64,sys; from pathlib import Path;"
        "from cryptography.hazmat.primitives.serialization import load_pem_private_key as load;"
        "key = load(Path(sys.argv[1]).read_bytes(), None);"
        "print(base64.b64encode(key.sign(Path(sys.argv[2]).read_bytes())).decode())"
    )

    told = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "ci.pem", tmp_path / "statement"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == card.signatures[0].signature


def test_a_signature_lies_where_a_policy_can_allow_it(registry: Registry, signer: Signer) -> None:
    card = publish(registry)
    signature = notes.sign(registry.store, card, signer)

    [listed] = registry.store.listing(places.signatures(DIGITS, 1))
    assert registry.store.get(listed.key).body == seal(signature)
