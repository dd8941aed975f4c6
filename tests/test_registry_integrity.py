"""Damage is found before anything is believed: every flipped bit, and every change to a log."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import audit, keys
from registry.audit import Anchor
from registry.card import ModelCard
from registry.catalog import Registry
from registry.documents import canonical, seal, sha256, unseal
from registry.errors import IntegrityError
from registry.moves import AliasMove
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_memory import MemoryStore


def populated(moves: int = 4) -> Registry:
    registry = Registry(MemoryStore())
    for number in range(moves):
        registry.promote(publish(registry, b"model %d" % number), PRODUCTION)
    return registry


REGISTRY = populated()
CARD = REGISTRY.card(DIGITS, 4)
READS: dict[str, Callable[[Registry], object]] = {
    keys.blob(CARD.files["model.onnx"].digest): lambda r: r.fetch(CARD, "model.onnx"),
    keys.card(DIGITS, 4): lambda r: r.card(DIGITS, 4),
    keys.pointer(DIGITS, PRODUCTION): lambda r: r.resolve(DIGITS, PRODUCTION),
    keys.log_entry(DIGITS, PRODUCTION, 2): lambda r: r.log(DIGITS, PRODUCTION),
}


@pytest.mark.parametrize("key", READS)
@given(data=st.data())
def test_any_flipped_bit_is_found(key: str, data: st.DataObject) -> None:
    intact = REGISTRY.store.get(key).body
    bit = data.draw(st.integers(0, len(intact) * 8 - 1))
    damaged = bytearray(intact)
    damaged[bit // 8] ^= 1 << bit % 8

    check_refused(key, bytes(damaged))


@pytest.mark.parametrize("key", READS)
@given(data=st.data())
def test_any_truncation_is_found(key: str, data: st.DataObject) -> None:
    intact = REGISTRY.store.get(key).body

    check_refused(key, intact[: data.draw(st.integers(0, len(intact) - 1))])


def check_refused(key: str, damaged: bytes) -> None:
    intact = REGISTRY.store.get(key).body
    REGISTRY.store.put(key, damaged)
    try:
        with pytest.raises(IntegrityError):
            READS[key](REGISTRY)
    finally:
        REGISTRY.store.put(key, intact)


@given(st.binary(max_size=64))
def test_any_other_bytes_are_no_document(body: bytes) -> None:
    with pytest.raises(IntegrityError, match="the key is damaged"):
        unseal(ModelCard, body, key="the key")


def test_a_document_of_a_later_release_is_named() -> None:
    content = canonical({"format": 2, "name": "digits"})
    body = b'{"content":' + content + b',"sha256":"' + sha256(content).encode() + b'"}'

    with pytest.raises(IntegrityError, match="not a ModelCard that this release reads"):
        unseal(ModelCard, body, key="the key")


def test_a_sound_log_has_no_findings() -> None:
    found = audit.verify(populated().store, DIGITS, PRODUCTION)

    assert (found.moves, found.findings) == (4, ())


def test_an_unset_alias_has_no_findings() -> None:
    assert audit.verify(MemoryStore(), DIGITS, PRODUCTION).findings == ()


def forge(registry: Registry, sequence: int, **changes: object) -> None:
    """Edit an entry so cleverly that it fits its own seal again."""
    key = keys.log_entry(DIGITS, PRODUCTION, sequence)
    move = unseal(AliasMove, registry.store.get(key).body, key=key)
    registry.store.put(key, seal(move.model_copy(update=changes)))


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_a_forged_entry_is_found(sequence: int) -> None:
    registry = populated()

    forge(registry, sequence, reason="nothing to see here")

    [finding] = audit.verify(registry.store, DIGITS, PRODUCTION).findings
    assert f"move {sequence + 1} of production does not follow" in finding


def test_a_forged_newest_entry_is_found_by_the_pointer() -> None:
    registry = populated()

    forge(registry, 4, actor="somebody@else")

    [finding] = audit.verify(registry.store, DIGITS, PRODUCTION).findings
    assert "points to a move 4 that is not the log's" in finding


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_a_removed_entry_is_found(sequence: int) -> None:
    registry = populated()

    registry.store.delete(keys.log_entry(DIGITS, PRODUCTION, sequence))

    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == (
        f"move {sequence} of production is missing",
    )


def test_a_removed_newest_entry_is_found_by_the_pointer() -> None:
    registry = populated()

    registry.store.delete(keys.log_entry(DIGITS, PRODUCTION, 4))

    [finding] = audit.verify(registry.store, DIGITS, PRODUCTION).findings
    assert "points to move 4, but its log ends at 3" in finding


def test_exchanged_entries_are_found() -> None:
    registry = populated()
    second, third = (keys.log_entry(DIGITS, PRODUCTION, sequence) for sequence in (2, 3))
    bodies = registry.store.get(third).body, registry.store.get(second).body
    registry.store.put(second, bodies[0])
    registry.store.put(third, bodies[1])

    findings = audit.verify(registry.store, DIGITS, PRODUCTION).findings

    assert any("holds move 3: entries were exchanged" in finding for finding in findings)


def test_a_whole_new_tail_is_found_by_an_anchor() -> None:
    registry = populated()
    anchor = audit.verify(registry.store, DIGITS, PRODUCTION).anchor
    assert anchor
    for key in (keys.log_entry(DIGITS, PRODUCTION, 4), keys.pointer(DIGITS, PRODUCTION)):
        registry.store.delete(key)
    registry.promote(registry.card(DIGITS, 1), PRODUCTION)

    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()
    [finding] = audit.verify(registry.store, DIGITS, PRODUCTION, Anchor.parse(anchor)).findings
    assert finding == "move 4 of production is not the one that was anchored"


def test_moves_that_run_backwards_in_time_are_found() -> None:
    registry = populated(2)
    entry = registry.log(DIGITS, PRODUCTION)[1]
    forge(registry, 1, at=entry.at.replace(year=2999))

    findings = audit.verify(registry.store, DIGITS, PRODUCTION).findings

    assert "move 2 of production is older than the one before it" in findings


def test_a_sealed_document_is_readable_json() -> None:
    body = REGISTRY.store.get(keys.card(DIGITS, 4)).body

    assert json.loads(body)["content"]["version"] == 4
