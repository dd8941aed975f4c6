"""Processes that publish and promote all the while, and note whatever was acknowledged."""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from registry import audit, keys
from registry.aliases import Alias
from registry.catalog import Registry
from registry.contract import MODEL_FILE
from registry.documents import sha256
from registry.errors import AliasMovedError, NotFoundError, StoreUnavailableError
from registry.settings import RegistrySettings, open_registry
from tests.programs import until
from tests.registry_examples import DIGITS, DRAFT, PRODUCTION


@contextmanager
def writing(settings: RegistrySettings, folder: Path, writers: int = 3) -> Iterator[None]:
    """Let processes write to the registry for as long as the block takes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.writers", "registry.s3"])
    over = context.Event()
    processes = [
        context.Process(target=_write, args=(settings, folder / f"{number}.jsonl", over))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        over.set()
        for process in processes:
            process.join(120)
    assert [process.exitcode for process in processes] == [0] * writers


def await_acknowledged(folder: Path, more: int) -> None:
    """Wait until each of the processes has noted some more."""
    files = list(folder.glob("*.jsonl"))
    before = {file: len(acknowledged(file)) for file in files}
    until(lambda: all(len(acknowledged(file)) >= n + more for file, n in before.items()))


def acknowledged(path: Path) -> list[dict[str, Any]]:
    """What was acknowledged to one process, or to all whose notes are in the folder."""
    files = path.glob("*.jsonl") if path.is_dir() else [path]
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def check_nothing_is_lost(registry: Registry, notes: list[dict[str, Any]]) -> None:
    """Each version and each move that was acknowledged is there, and the log is whole."""
    Alias(registry.store, DIGITS, PRODUCTION).catch_up()  # As the next writer would.
    log = {move.sequence: move for move in registry.log(DIGITS, PRODUCTION)}
    for note in notes:
        if "sequence" in note:
            move, before = log[note["sequence"]], log.get(note["sequence"] - 1)
            assert move.move_id == note["move_id"]
            assert (before.card.version if before else None) == note["expected"]
        else:
            card = registry.card(DIGITS, note["version"])
            assert card.files[MODEL_FILE].digest == note["digest"]
            assert sha256(registry.fetch(card, MODEL_FILE)) == note["digest"]
    versions = registry.versions(DIGITS)
    assert versions == list(range(len(versions), 0, -1))
    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()
    assert keys.number_of(registry.store.listing(keys.log(DIGITS, PRODUCTION))[0].key) == len(log)


def _write(settings: RegistrySettings, file: Path, over: Event) -> None:
    registry = open_registry(settings)
    number = 0
    with file.open("a", buffering=1) as notes:
        while not over.is_set():
            number += 1
            body = b"model %d of process %d" % (number, os.getpid())
            try:
                card = registry.publish(DIGITS, {MODEL_FILE: body}, DRAFT)
                note = {"version": card.version, "digest": card.files[MODEL_FILE].digest}
                print(json.dumps(note), file=notes)
                present = _present(registry)
                move = registry.promote(card, PRODUCTION, expect=present)
                note = {"sequence": move.sequence, "move_id": move.move_id, "expected": present}
                print(json.dumps(note), file=notes)
            except AliasMovedError:
                pass  # Another process was first.
            except StoreUnavailableError:
                time.sleep(0.05)


def _present(registry: Registry) -> int | None:
    """What the alias names, by the store and not by a cache."""
    head = Alias(registry.store, DIGITS, PRODUCTION).head
    try:
        return head().card.version
    except NotFoundError:
        return None
