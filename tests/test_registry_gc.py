"""Garbage collection frees what nothing needs, and nothing else, whoever writes meanwhile."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from registry import deletion, keys
from registry.card import ModelCard
from registry.catalog import Registry
from registry.collection import Collection, collect
from registry.documents import sha256
from registry.errors import (
    DeletedError,
    IntegrityError,
    InUseError,
    InvalidNameError,
    NotFoundError,
)
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_memory import MemoryStore

DAY = timedelta(days=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry(store: MemoryStore) -> Registry:
    return Registry(store)


def leave_garbage(store: MemoryStore, body: bytes = b"nobody names me") -> str:
    store.put(keys.blob(sha256(body)), body)
    return sha256(body)


def run(store: MemoryStore, *, apply: bool = True) -> Collection:
    return collect(store, apply=apply)


def test_a_dry_run_tells_and_touches_nothing(store: MemoryStore) -> None:
    digest = leave_garbage(store)
    before = dict(store.objects)

    found = collect(store, apply=False, grace=timedelta(0))

    assert store.objects == before
    assert not found.applied
    assert found.set_aside.keys == (keys.blob(digest),)
    assert (found.set_aside.objects, found.set_aside.size_bytes) == (1, 15)


def test_garbage_is_set_aside_and_a_day_later_deleted(store: MemoryStore) -> None:
    digest = leave_garbage(store)

    store.wait(8 * DAY)
    assert run(store).set_aside.objects == 1
    assert keys.blob(digest) not in store.objects
    assert any(key.startswith(keys.set_aside(digest)) for key in store.objects)

    assert run(store).deleted.objects == 0
    store.wait(DAY)
    assert run(store).deleted.size_bytes == 15
    assert not [key for key in store.objects if digest in key]


def test_young_bytes_are_left_alone(store: MemoryStore) -> None:
    digest = leave_garbage(store)

    store.wait(6 * DAY)
    found = run(store)

    assert (found.set_aside.objects, found.kept_objects) == (0, 1)
    assert keys.blob(digest) in store.objects


def test_what_a_version_names_is_kept(store: MemoryStore, registry: Registry) -> None:
    card = publish(registry)

    store.wait(900 * DAY)
    found = run(store)

    assert (found.kept_objects, found.kept_bytes) == (1, 5)
    assert registry.fetch(card, "model.onnx") == b"model"


def test_what_comes_to_be_named_is_brought_back(store: MemoryStore, registry: Registry) -> None:
    card = publish(registry)
    blob = keys.blob(card.files["model.onnx"].digest)
    store.put(f"{keys.set_aside(card.files['model.onnx'].digest)}earlier", b"model")
    store.delete(blob)
    assert registry.fetch(card, "model.onnx") == b"model"

    store.wait(2 * DAY)
    found = run(store)

    assert found.brought_back.objects == 1
    assert blob in store.objects
    assert not store.listing(keys.TRASH)


def test_what_history_names_outlives_its_version(store: MemoryStore, registry: Registry) -> None:
    for number in range(3):
        registry.promote(publish(registry, b"%d" % number), PRODUCTION)
    deletion.delete(store, DIGITS, 1, reason="a drill", retention=timedelta(0))

    store.wait(8 * DAY)
    assert collect(store, apply=True).set_aside.objects == 0
    found = collect(store, apply=True, retention=timedelta(0))

    assert found.set_aside.keys == (keys.blob(sha256(b"0")),)


def test_the_target_of_a_rollback_is_always_kept(store: MemoryStore, registry: Registry) -> None:
    cards = [publish(registry, b"%d" % number) for number in range(2)]
    for card in cards:
        registry.promote(card, PRODUCTION)

    with pytest.raises(InUseError, match="version 1 is needed: production named it"):
        deletion.delete(store, DIGITS, 1, reason="a drill", retention=timedelta(0))


def test_a_card_that_cannot_be_read_stops_the_run(store: MemoryStore, registry: Registry) -> None:
    publish(registry)
    store.put(keys.card(DIGITS, 1), b"damaged")
    leave_garbage(store)
    store.wait(8 * DAY)

    with pytest.raises(IntegrityError):
        run(store)

    assert len(store.listing(keys.BLOBS)) == 2


def test_a_hold_too_short_to_be_safe_is_refused(store: MemoryStore) -> None:
    with pytest.raises(InvalidNameError, match="two hours at least"):
        collect(store, apply=True, hold=timedelta(hours=1))


def test_every_run_leaves_a_report(store: MemoryStore) -> None:
    leave_garbage(store)
    store.wait(8 * DAY)
    run(store)

    names = [listed.key.rpartition("/")[2] for listed in store.listing(keys.RUNS)]
    assert names == ["begun.json", "report.json"]


def test_a_run_that_dies_anywhere_is_finished_by_the_next() -> None:
    number = 0
    while True:
        store = MemoryStore()
        registry = Registry(store)
        digest = leave_garbage(store)
        store.wait(8 * DAY)
        card = publish(registry)
        store.put(f"{keys.set_aside(sha256(b'x'))}earlier", b"x")
        store.wait(2 * DAY)
        if not dies_at(store, number):
            break
        store.wait(2 * DAY)
        run(store)
        store.wait(2 * DAY)
        run(store)

        assert registry.fetch(card, "model.onnx") == b"model"
        assert not [key for key in store.objects if digest in key or key.startswith(keys.TRASH)]
        number += 1
    assert number > 10


def dies_at(store: MemoryStore, number: int) -> bool:
    """Whether a run that dies before its operation of this number gets that far."""

    class Killed(BaseException):
        pass

    countdown = iter(range(number, -1, -1))

    def die(operation: str, key: str) -> None:
        if next(countdown, None) == 0:
            raise Killed

    store.before = die
    try:
        run(store)
    except Killed:
        return True
    finally:
        store.before = lambda operation, key: None
    return False


class Schedule:
    """Runs actors in threads, one operation on the store at a time, in an order drawn at random."""

    def __init__(self, store: MemoryStore, source: random.Random) -> None:
        self._store = store
        self._random = source
        self._turn = threading.Condition()
        self._waiting: list[int] = []
        self._chosen: int | None = None
        self._running = 0
        self._steps = 0
        self.pauses: dict[int, timedelta] = {}
        self.failures: list[BaseException] = []

    def run(self, actors: list[Callable[[], object]]) -> None:
        self._store.before = self._await_turn
        self._running = len(actors)
        threads = [threading.Thread(target=self._act, args=(actor,)) for actor in actors]
        for thread in threads:
            thread.start()
        while self._let_one_go():
            pass
        for thread in threads:
            thread.join()
        self._store.before = lambda operation, key: None
        if self.failures:
            raise self.failures[0]

    def _let_one_go(self) -> bool:
        with self._turn:
            self._turn.wait_for(lambda: len(self._waiting) == self._running)
            if not self._running:
                return False
            self._store.wait(self.pauses.get(self._steps, timedelta(0)))
            self._steps += 1
            self._chosen = self._random.choice(self._waiting)
            self._waiting.remove(self._chosen)
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._chosen is None)
            return True

    def _await_turn(self, operation: str, key: str) -> None:
        with self._turn:
            me = threading.get_ident()
            self._waiting.append(me)
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._chosen == me)
            self._chosen = None
            self._turn.notify_all()

    def _act(self, actor: Callable[[], object]) -> None:
        try:
            actor()
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            self.failures.append(error)
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify_all()


@pytest.mark.parametrize("seed", range(20))
def test_nothing_needed_is_ever_lost(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two collectors, two publishers of old bytes and a reader, in 50 orders of their steps each.

    Days pass between the episodes, and up to half an hour in the midst of one.
    """
    monkeypatch.setattr("registry.reachability._READERS", 1)
    monkeypatch.setattr("registry.aliases._READERS", 1)
    source = random.Random(seed)
    for _ in range(50):
        story = Story(source)
        for _ in range(3):
            story.episode()
            story.check()


class Story:
    """A registry to which things happen."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.store = MemoryStore()
        self.registry = Registry(self.store)
        self.published: list[ModelCard] = []
        publish(self.registry, b"0")

    def episode(self) -> None:
        """Things that happen at the same time, in one of the orders in which they can."""
        body = b"%d" % self.random.randrange(3)
        if self.random.random() < 0.7:
            leave_garbage(self.store, body)
        self.store.wait(self.random.choice([timedelta(0), timedelta(hours=3), 8 * DAY]))
        actors: list[Callable[[], object]] = [self.collect, self.read, lambda: self.publish(body)]
        actors += self.random.sample([self.collect, self.delete, lambda: self.publish(body)], 1)
        pause_at = self.random.randrange(40)
        schedule = Schedule(self.store, self.random)
        schedule.pauses = {pause_at: timedelta(minutes=30)}
        schedule.run(actors)

    def collect(self) -> None:
        collect(self.store, apply=True, hold=timedelta(hours=2))

    def publish(self, body: bytes) -> None:
        self.published.append(publish(self.registry, body))

    def delete(self) -> None:
        with suppress(NotFoundError):
            lost = deletion.delete(self.store, DIGITS, 2, reason="a drill")
            self.published = [card for card in self.published if card != lost.card]

    def read(self) -> None:
        for card in list(self.published):
            if card.version != 2:
                assert self.registry.fetch(card, "model.onnx")

    def check(self) -> None:
        for card in self.published:
            with suppress(DeletedError):
                self.registry.card(DIGITS, card.version)
                assert self.registry.fetch(card, "model.onnx")


def test_a_reader_finds_bytes_that_are_moved_under_its_eyes(
    store: MemoryStore, registry: Registry
) -> None:
    card = publish(registry)
    blob = keys.blob(card.files["model.onnx"].digest)
    copy = f"{keys.set_aside(card.files['model.onnx'].digest)}earlier"
    store.objects[copy] = store.objects.pop(blob)

    def bring_back(operation: str, key: str) -> None:
        if operation == "listing" and copy in store.objects:
            store.objects[blob] = store.objects.pop(copy)

    store.before = bring_back

    assert registry.fetch(card, "model.onnx") == b"model"
