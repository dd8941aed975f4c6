"""The directory store alone: what a SIGKILL between any two steps leaves behind, and odd disks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry import collection
from registry.catalog import Registry
from registry.errors import NotFoundError, StoreUnavailableError
from registry.local import LocalStore
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_workers import OPERATIONS, prepare

ROOT = Path(__file__).parent.parent

# Dies at the step of this number, where a step is whatever Python tells of doing to files.
DIE = """
import os, signal, sys
from registry.catalog import Registry
from registry.local import LocalStore
from pathlib import Path
from tests.registry_workers import OPERATIONS

directory, operation, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3])
registry = Registry(LocalStore(Path(directory)))
steps = 0

def audit(event, arguments):
    global steps
    if event in WATCHED and any(str(argument).startswith(directory) for argument in arguments):
        steps += 1
        if steps > deadly:
            os.kill(os.getpid(), signal.SIGKILL)

WATCHED = {"open", "os.link", "os.rename", "os.remove", "os.mkdir"}
sys.addaudithook(audit)
OPERATIONS[operation](registry)
print(steps)
"""


def die_at(directory: Path, operation: str, step: int) -> int:
    """The exit status of a process that dies at one step of the operation, or gets through."""
    command = [sys.executable, "-c", DIE, str(directory), operation, str(step)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_writer_may_be_killed_at_any_step(operation: str, tmp_path: Path) -> None:
    step, status = 0, -signal.SIGKILL
    while status:
        directory = tmp_path / f"{step}"
        registry = Registry(LocalStore(directory))
        prepare(registry)

        status = die_at(directory, operation, step)

        assert status in {0, -signal.SIGKILL}
        check_readers(registry)
        check_next_writer(registry)
        step += 2 if operation == "gc" else 1  # It has many steps, and most are alike.
    assert step > 6


def check_readers(registry: Registry) -> None:
    versions = registry.versions(DIGITS)
    assert versions == list(range(len(versions), 0, -1))
    for version in versions:
        assert registry.fetch(registry.card(DIGITS, version), "model.onnx")
    move = registry.resolve(DIGITS, PRODUCTION).move
    assert move in registry.log(DIGITS, PRODUCTION)


def check_next_writer(registry: Registry) -> None:
    moves = len(registry.log(DIGITS, PRODUCTION))
    card = publish(registry, b"the next")

    assert registry.promote(card, PRODUCTION).sequence == moves + 1
    assert registry.resolve(DIGITS, PRODUCTION).card == card


def test_what_a_killed_writer_left_is_collected(tmp_path: Path) -> None:
    registry = Registry(LocalStore(tmp_path))
    publish(registry)
    left = tmp_path / "models/digits/versions/.tmp-0123"
    left.write_bytes(b"half a card")
    os.utime(left, (0, 0))

    [unfinished] = registry.store.unfinished()
    found = collection.collect(registry.store, apply=True)

    assert unfinished.key == "models/digits/versions/.tmp-0123"
    assert found.deleted.keys == (unfinished.key,)
    assert not left.exists()
    assert registry.versions(DIGITS) == [1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(StoreUnavailableError, match=f"cannot write .* in {tmp_path}"):
        publish(Registry(LocalStore(tmp_path)))


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")

    with pytest.raises(StoreUnavailableError, match="cannot write anything in"):
        publish(Registry(LocalStore(tmp_path / "store")))


def test_a_directory_that_is_not_there_is_empty(tmp_path: Path) -> None:
    registry = Registry(LocalStore(tmp_path / "nowhere"))

    assert registry.models() == []
    assert registry.versions(DIGITS) == []
    with pytest.raises(NotFoundError):
        registry.resolve(DIGITS, PRODUCTION)
    assert not (tmp_path / "nowhere").exists()
