"""Publish, resolve, promote, roll back, read the log: what the registry does, on every store."""

from datetime import timedelta

import pytest

from registry import keys
from registry.card import ModelCard, now
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import AliasMovedError, IntegrityError, InvalidNameError, NotFoundError
from registry.store import ObjectStore
from tests.registry_examples import DIGITS, DRAFT, PRODUCTION, draft, publish
from tests.registry_memory import MemoryStore

pytest_plugins = ["tests.registry_stores"]


def test_versions_count_from_one_without_gaps(registry: Registry) -> None:
    assert [publish(registry, b"%d" % n).version for n in range(3)] == [1, 2, 3]
    assert registry.versions(DIGITS) == [3, 2, 1]


def test_what_is_published_is_read_back(registry: Registry) -> None:
    published = publish(registry, b"bytes of a model")

    card = registry.card(DIGITS, published.version)

    assert card == published
    assert card.draft == DRAFT
    assert registry.fetch(card, "model.onnx") == b"bytes of a model"


def test_models_do_not_share_version_numbers(registry: Registry) -> None:
    publish(registry, model="digits")

    assert publish(registry, model="letters").version == 1
    assert registry.models() == ["digits", "letters"]


def test_equal_bytes_are_stored_once(registry: Registry) -> None:
    first, second = publish(registry, b"same"), publish(registry, b"same")

    assert first.files == second.files
    assert len(registry.store.listing(keys.BLOBS)) == 1


def test_publishing_again_makes_damaged_bytes_whole(registry: Registry) -> None:
    card = publish(registry, b"model")
    registry.store.put(keys.blob(card.files["model.onnx"].digest), b"m0del")

    publish(registry, b"model")

    assert registry.fetch(card, "model.onnx") == b"model"


def test_a_publish_id_makes_publishing_repeatable(registry: Registry) -> None:
    first = registry.publish(DIGITS, {"model.onnx": b"m"}, DRAFT, publish_id="run-17")

    again = registry.publish(DIGITS, {"model.onnx": b"m"}, DRAFT, publish_id="run-17")

    assert again == first
    assert registry.versions(DIGITS) == [1]


def publish_once(registry: Registry) -> int:
    return registry.publish(DIGITS, {"model.onnx": b"m"}, DRAFT, publish_id="run-17").version


def test_a_publish_id_is_known_while_seven_others_publish(registry: Registry) -> None:
    assert publish_once(registry) == 1
    for number in range(7):
        publish(registry, b"%d" % number)

    assert publish_once(registry) == 1
    publish(registry, b"the eighth")
    assert publish_once(registry) == 10


def test_a_damaged_version_does_not_keep_others_from_publishing(registry: Registry) -> None:
    assert publish_once(registry) == 1
    registry.store.put(keys.card(DIGITS, 1), b"{}")

    assert publish_once(registry) == 2
    assert publish_once(registry) == 2


def test_an_unknown_version_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="digits has no version 7"):
        registry.card(DIGITS, 7)


def test_an_unknown_file_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match=r"no 'weights', only model\.onnx"):
        registry.fetch(publish(registry), "weights")


def test_lost_bytes_are_named(registry: Registry) -> None:
    card = publish(registry)
    key = keys.blob(card.files["model.onnx"].digest)
    registry.store.delete(key)

    with pytest.raises(NotFoundError, match=f"has lost {key}"):
        registry.fetch(card, "model.onnx")


def test_an_unset_alias_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="no alias 'production'"):
        registry.resolve(DIGITS, PRODUCTION)


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "17", "-a", "a" * 64, "a b", "a\n"])
def test_a_name_that_could_confuse_is_refused(name: str) -> None:
    registry = Registry(MemoryStore())

    with pytest.raises(InvalidNameError, match="is not a name"):
        publish(registry, model=name)
    with pytest.raises(InvalidNameError, match="is not a name"):
        registry.resolve(DIGITS, name)


def test_an_alias_names_what_was_promoted(registry: Registry) -> None:
    card = publish(registry)

    move = registry.promote(card, PRODUCTION, reason="first of all")

    resolved = registry.resolve(DIGITS, PRODUCTION)
    assert (resolved.card, resolved.move) == (card, move)
    assert (move.sequence, move.action, move.reason) == (1, "promote", "first of all")
    assert registry.aliases(DIGITS) == {PRODUCTION: 1}


def test_aliases_move_apart(registry: Registry) -> None:
    first, second = publish(registry, b"1"), publish(registry, b"2")
    registry.promote(first, PRODUCTION)
    registry.promote(second, "canary")

    assert registry.aliases(DIGITS) == {"canary": 2, PRODUCTION: 1}


def test_promoting_the_present_target_changes_nothing(registry: Registry) -> None:
    card = publish(registry)
    move = registry.promote(card, PRODUCTION)

    assert registry.promote(card, PRODUCTION, reason="again") == move
    assert len(registry.log(DIGITS, PRODUCTION)) == 1


def test_promote_wants_the_version_that_is_expected(registry: Registry) -> None:
    first, second = publish(registry, b"1"), publish(registry, b"2")
    registry.promote(first, PRODUCTION, expect=None)

    with pytest.raises(AliasMovedError, match=r"is at version 1, expected version 2: .* moved it"):
        registry.promote(second, PRODUCTION, expect=2)
    with pytest.raises(AliasMovedError, match="expected it unset") as caught:
        registry.promote(second, PRODUCTION, expect=None)
    with pytest.raises(AliasMovedError, match="canary is not set, expected version 1"):
        registry.promote(second, "canary", expect=1)

    assert caught.value.present
    assert caught.value.present.card == first
    assert registry.promote(second, PRODUCTION, expect=1).sequence == 2


def test_rollback_names_the_target_before(registry: Registry) -> None:
    cards = promote_in_turn(registry, 3)

    move = registry.rollback(DIGITS, PRODUCTION, reason="too slow")

    assert move.card == cards[1]
    assert (move.action, move.restores, move.sequence) == ("rollback", 2, 4)
    assert registry.resolve(DIGITS, PRODUCTION).move == move


def test_rolling_back_again_goes_further_back(registry: Registry) -> None:
    cards = promote_in_turn(registry, 3)
    registry.rollback(DIGITS, PRODUCTION)

    assert registry.rollback(DIGITS, PRODUCTION).card == cards[0]
    with pytest.raises(NotFoundError, match="never named anything before"):
        registry.rollback(DIGITS, PRODUCTION)


def test_rollback_of_a_promotion_after_a_rollback_undoes_that_promotion(
    registry: Registry,
) -> None:
    cards = promote_in_turn(registry, 3)
    registry.rollback(DIGITS, PRODUCTION)
    registry.promote(publish(registry, b"4"), PRODUCTION)

    assert registry.rollback(DIGITS, PRODUCTION).card == cards[1]
    assert registry.rollback(DIGITS, PRODUCTION).card == cards[0]


def test_rollback_wants_the_version_that_is_expected(registry: Registry) -> None:
    promote_in_turn(registry, 2)

    with pytest.raises(AliasMovedError, match="is at version 2, expected version 1"):
        registry.rollback(DIGITS, PRODUCTION, expect=1)


def test_rollback_of_what_was_never_set_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="never named anything before"):
        registry.rollback(DIGITS, PRODUCTION)


def test_the_log_keeps_every_move_newest_first(registry: Registry) -> None:
    promote_in_turn(registry, 3)
    registry.rollback(DIGITS, PRODUCTION)

    log = registry.log(DIGITS, PRODUCTION)

    assert [(move.sequence, move.action, move.card.version) for move in log] == [
        (4, "rollback", 2),
        (3, "promote", 3),
        (2, "promote", 2),
        (1, "promote", 1),
    ]
    assert registry.log(DIGITS, PRODUCTION, limit=2) == log[:2]


def test_a_known_target_is_news_only_when_it_moved(registry: Registry) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    known = registry.resolve(DIGITS, PRODUCTION)
    assert registry.resolve_if_moved(DIGITS, known) is None

    second = publish(registry, b"2")
    registry.promote(second, PRODUCTION)

    moved = registry.resolve_if_moved(DIGITS, known)
    assert moved is not None
    assert moved.card == second
    assert registry.resolve_if_moved(DIGITS, moved) is None


def test_watch_yields_each_move_it_sees() -> None:
    registry = Registry(MemoryStore())
    registry.promote(publish(registry, b"1"), PRODUCTION)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) in {2, 5}:
            registry.promote(publish(registry, b"after %d" % len(waits)), PRODUCTION)

    moves = registry.watch(DIGITS, registry.resolve(DIGITS, PRODUCTION), interval_s=9, sleep=sleep)

    assert [next(moves).card.version, next(moves).card.version] == [2, 3]
    assert waits == [9] * 5


def test_as_of_finds_what_was_in_force() -> None:
    store = MemoryStore()
    registry = Registry(store)
    for number in range(1, 21):
        registry.promote(publish(registry, b"%d" % number), PRODUCTION)
    backdate(registry, timedelta(days=1))
    head = registry.resolve(DIGITS, PRODUCTION).move

    for move in registry.log(DIGITS, PRODUCTION):
        store.operations.clear()
        found = registry.as_of(DIGITS, PRODUCTION, move.at + timedelta(hours=1))
        assert found == move
        assert len(store.operations) <= 2 + 5
    assert registry.as_of(DIGITS, PRODUCTION, head.at + timedelta(days=900)) == head
    with pytest.raises(NotFoundError, match="was not set at"):
        registry.as_of(DIGITS, PRODUCTION, now() - timedelta(days=21))


def backdate(registry: Registry, apart: timedelta) -> None:
    """Rewrite the log as if its moves had been made `apart`, the last of them just now."""
    log = registry.log(DIGITS, PRODUCTION)
    for age, move in enumerate(log):
        earlier = move.model_copy(update={"at": move.at - age * apart})
        registry.store.put(keys.log_entry(DIGITS, PRODUCTION, move.sequence), seal(earlier))


def test_a_card_in_the_wrong_place_is_refused(registry: Registry) -> None:
    publish(registry, b"1")
    publish(registry, b"2")
    second = registry.store.get(keys.card(DIGITS, 2)).body
    registry.store.put(keys.card(DIGITS, 1), second)

    with pytest.raises(IntegrityError, match="holds the card of digits version 2"):
        registry.card(DIGITS, 1)


def test_a_pointer_in_the_wrong_place_is_refused(registry: Registry) -> None:
    registry.promote(publish(registry), "canary")
    registry.store.put(
        keys.pointer(DIGITS, PRODUCTION), registry.store.get(keys.pointer(DIGITS, "canary")).body
    )

    with pytest.raises(IntegrityError, match="holds a move of digits@canary"):
        registry.resolve(DIGITS, PRODUCTION)


def test_reading_never_writes(store: ObjectStore) -> None:
    registry = Registry(store)
    card = publish(registry)
    registry.promote(card, PRODUCTION)
    before = everything(store)

    known = registry.resolve(DIGITS, PRODUCTION)
    registry.resolve_if_moved(DIGITS, known)
    registry.fetch(card, "model.onnx")
    registry.log(DIGITS, PRODUCTION)
    registry.as_of(DIGITS, PRODUCTION, now())

    assert everything(store) == before


def everything(store: ObjectStore) -> list[tuple[str, bytes]]:
    return [(listed.key, store.get(listed.key).body) for listed in store.listing("models/")]


def promote_in_turn(registry: Registry, count: int) -> list[ModelCard]:
    cards = [publish(registry, b"%d" % n, draft()) for n in range(1, count + 1)]
    for card in cards:
        registry.promote(card, PRODUCTION)
    return cards
