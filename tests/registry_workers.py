"""What the processes of a concurrency test do; importable by them and cheap to fork."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

from registry.catalog import Registry
from registry.errors import AliasMovedError
from registry.settings import RegistrySettings, open_registry
from tests.registry_examples import DIGITS, PRODUCTION, publish

Answer = TypeVar("Answer")

_barrier: Barrier | None = None


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
            told.append(("lost", error.present.card.version))
        _meet()
    return told


def _meet() -> None:
    assert _barrier is not None
    _barrier.wait(60)


def _ready(settings: RegistrySettings) -> Registry:
    registry = open_registry(settings)
    registry.require_safe_writes()
    _meet()
    return registry


def _remember(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier
