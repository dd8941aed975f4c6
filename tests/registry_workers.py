"""What the processes of a concurrency test do; importable by them and cheap to fork."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing.synchronize import Barrier, Event
from typing import Any, TypeVar
from unittest.mock import patch

from registry import collection, keys
from registry.catalog import Registry
from registry.documents import sha256
from registry.errors import AliasMovedError
from registry.settings import RegistrySettings, open_registry
from tests.registry_examples import DIGITS, PRODUCTION, publish

Answer = TypeVar("Answer")

_barrier: Barrier | None = None

NEW_MODEL = b"the model that is being published"
ORPHAN = b"bytes that nobody names"


def prepare(registry: Registry) -> None:
    """Two versions, each once in production, and garbage in every state."""
    for body in (b"first", b"second"):
        registry.promote(publish(registry, body), PRODUCTION)
    publish(registry, b"third")
    store = registry.store
    store.put(keys.blob(sha256(ORPHAN)), ORPHAN)
    store.put(f"{keys.set_aside(sha256(b'unneeded'))}earlier", b"unneeded")
    store.put(f"{keys.set_aside(sha256(b'third'))}earlier", b"third")
    store.delete(keys.blob(sha256(b"third")))


def _collect(registry: Registry) -> None:
    no_time = timedelta(0)
    with patch.object(collection, "_SHORTEST_HOLD", no_time):
        collection.collect(registry.store, apply=True, grace=no_time, hold=no_time)


OPERATIONS: dict[str, Callable[[Registry], Any]] = {
    "publish": lambda registry: publish(registry, NEW_MODEL),
    "promote": lambda registry: registry.promote(registry.card(DIGITS, 3), PRODUCTION),
    "rollback": lambda registry: registry.rollback(DIGITS, PRODUCTION),
    "gc": _collect,
}


def together(
    count: int, work: Callable[..., Answer], arguments: Sequence[tuple[Any, ...]]
) -> list[Answer]:
    """What `work` returns in `count` processes, each with its own of `arguments`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.registry_workers", "registry.s3"])
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_remember, initargs=(barrier,)
    ) as processes:
        return [future.result() for future in [processes.submit(work, *a) for a in arguments]]


def publish_many(settings: RegistrySettings, worker: int, versions: int) -> list[tuple[int, str]]:
    """Publish versions; the number and publish_id of each."""
    registry = _ready(settings)
    cards = [publish(registry, b"worker %d model %d" % (worker, n)) for n in range(versions)]
    return [(card.version, card.publish_id) for card in cards]


def promote_in_rounds(
    settings: RegistrySettings, versions: tuple[int, int], rounds: int
) -> list[tuple[str, int]]:
    """In each round promote, expecting what all processes have just read; who won, to this one."""
    registry = _ready(settings)
    cards = [registry.card(DIGITS, version) for version in versions]
    told = []
    for _ in range(rounds):
        present = registry.resolve(DIGITS, PRODUCTION).card.version
        card = cards[0] if cards[0].version != present else cards[1]
        _meet()
        try:
            registry.promote(card, PRODUCTION, expect=present)
            told.append(("won", card.version))
        except AliasMovedError as error:
            told.append(("lost", error.present.card.version if error.present else 0))
        _meet()
    return told


def _meet() -> None:
    assert _barrier is not None
    _barrier.wait(60)


def perform(settings: RegistrySettings, operation: str, ready: Event, go: Event) -> None:
    """Perform one operation when told to; it may not live to see the end of it."""
    registry = open_registry(settings)
    registry.require_safe_writes()
    ready.set()
    go.wait()
    OPERATIONS[operation](registry)


def _ready(settings: RegistrySettings) -> Registry:
    registry = open_registry(settings)
    registry.require_safe_writes()
    _meet()
    return registry


def _remember(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier
