"""A disk without room, or that cannot sync: a clear error, nothing half done, then on again."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from registry import audit
from registry.aliases import Alias
from registry.card import DraftCard
from registry.catalog import Registry
from registry.contract import MODEL_FILE
from registry.errors import StoreUnavailableError
from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.faults.models import publish_distinct
from tests.faults.traffic import answered_by
from tests.programs import QUICK_RECIPE, ROOT, environment, free_port, serving, until
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_servers import Server
from tests.test_service_follower import ask, variables
from training.mnist import Mnist

pytestmark = pytest.mark.faults

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PAGES = 64


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of so many pages."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = f"size={_PAGES * _PAGE}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk takes the right to mount one")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, *, leaving: int) -> Path:
    """Take all but so many pages."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(bytes(max(free.f_bavail * free.f_bsize - leaving * _PAGE, 0)))
    return ballast


def check_sound(registry: Registry, versions: int) -> None:
    """Every version is whole, and so is the log."""
    found = registry.versions(DIGITS)
    assert found == list(range(len(found), 0, -1))
    assert len(found) >= versions
    for version in found:
        registry.fetch(registry.card(DIGITS, version), MODEL_FILE)
    registry.fetch(registry.resolve(DIGITS, PRODUCTION).card, MODEL_FILE)
    Alias(registry.store, DIGITS, PRODUCTION).catch_up()
    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()
    assert registry.store.unfinished() == []


def test_registry_on_a_disk_with_any_room_left_loses_nothing(disk: Path) -> None:
    registry = open_registry(RegistrySettings(store=str(disk / "registry")))
    registry.promote(publish(registry, b"first"), PRODUCTION)
    failures, complaints = 0, set()
    acknowledged = 1

    for pages in range(24):
        ballast = fill(disk, leaving=pages)
        try:
            card = publish(registry, b"%d" % pages * 2 * _PAGE)
            acknowledged = card.version
            registry.promote(card, PRODUCTION)
        except StoreUnavailableError as error:
            complaints.add(str(error).rpartition(": ")[2])
            failures += 1
        ballast.unlink()
        check_sound(registry, acknowledged)
        if pages < 4:
            registry.promote(publish(registry, b"after %d" % pages), PRODUCTION)

    assert 0 < failures < 24
    assert complaints == {"No space left on device"}


def test_registry_survives_any_sync_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_registry(RegistrySettings(store=str(tmp_path / "registry")))
    registry.promote(publish(registry, b"first"), PRODUCTION)
    sync = os.fsync
    failures = 0

    for number in range(100):
        left = number

        def fails_in_the_end(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(5, "Input/output error")
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fails_in_the_end)
        try:
            registry.promote(publish(registry, b"%d" % number), PRODUCTION)
        except StoreUnavailableError:
            failures += 1
        else:
            break
        finally:
            monkeypatch.setattr(os, "fsync", sync)
        check_sound(registry, 1)

    assert failures >= 8


def test_service_goes_over_to_a_model_that_its_cache_has_no_room_for(
    disk: Path,
    moto: Server,
    draft: DraftCard,
    sample: Mnist,
    images: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    settings = moto.settings(tmp_path / "own")
    registry = open_registry(settings)
    first, second, _ = publish_distinct(registry, draft, sample.test, images)
    registry.promote(first.card, PRODUCTION)
    env = environment(
        **variables(settings.model_copy(update={"cache_dir": disk / "cache"})),
        PORT=free_port(),
        ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.05,
    )
    body = images[0].tobytes()

    fill(disk, leaving=0)
    with serving([sys.executable, "-m", "service"], env) as (url, _):
        assert answered_by(url, body) == first.digest
        registry.promote(second.card, PRODUCTION)
        until(lambda: answered_by(url, body) == second.digest)
        assert ask(url, "/healthz") == {"live": True, "ready": True}


def test_training_that_cannot_write_checkpoints_is_finished(disk: Path, tmp_path: Path) -> None:
    fill(disk, leaving=1)

    training = train(
        tmp_path / "registry",
        ZIFFER_TRAIN_CHECKPOINT_DIR=disk / "checkpoints",
        ZIFFER_TRAIN_CHECKPOINT_INTERVAL_S=0,
        ZIFFER_TRAIN_UNPUBLISHED_DIR=disk / "unpublished",
    )

    assert training.returncode == 0, training.stderr
    assert "cannot write the checkpoint" in training.stdout
    assert "No space left on device" in training.stdout
    registry = open_registry(RegistrySettings(store=str(tmp_path / "registry")))
    assert registry.resolve(DIGITS, PRODUCTION).card.version == 1


def test_training_with_files_that_may_not_grow_is_not_lost(tmp_path: Path) -> None:
    """A limit on the size of files, as of a quota: it needs no right to mount anything."""
    training = train(
        tmp_path / "registry",
        ZIFFER_TRAIN_CHECKPOINT_DIR=tmp_path / "checkpoints",
        ZIFFER_TRAIN_CHECKPOINT_INTERVAL_S=0,
        ZIFFER_TRAIN_UNPUBLISHED_DIR=tmp_path / "unpublished",
        limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )

    assert training.returncode == 1
    assert "Traceback" not in training.stderr
    assert "File too large" in training.stderr
    assert not (tmp_path / "registry/models").exists()
    assert [*(tmp_path / "checkpoints").iterdir()] == []


def test_training_whose_store_is_full_is_kept_and_published_later(
    disk: Path, tmp_path: Path
) -> None:
    ballast = fill(disk, leaving=8)

    training = train(disk / "registry", ZIFFER_TRAIN_UNPUBLISHED_DIR=tmp_path / "unpublished")

    assert training.returncode == 1
    assert "No space left on device" in training.stderr
    assert "Traceback" not in training.stderr
    ballast.unlink()
    (kept,) = (tmp_path / "unpublished").iterdir()
    files, card = kept / "files", kept / "card.json"
    env = environment(ZIFFER_STORE=tmp_path / "larger")
    published = programs.run("registry", "publish", files, "--card", card, env=env)
    assert published.returncode == 0, published.stderr


def test_batch_prediction_goes_on_when_there_is_room(
    disk: Path, sample_store: Path, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    (tmp_path / "inputs").mkdir()
    np.save(tmp_path / "inputs/digits.npy", np.tile(images, (5, 1, 1)))

    def predict(output: Path) -> subprocess.CompletedProcess[str]:
        command = (tmp_path / "inputs", output, "--images-per-part", 10, "--processes", 1)
        env = environment(ZIFFER_STORE=sample_store)
        return programs.run("service.batch_prediction", *command, env=env)

    def parts(output: Path) -> dict[str, bytes]:
        return {part.name: part.read_bytes() for part in (output / "parts").iterdir()}

    undisturbed = predict(tmp_path / "undisturbed")
    ballast = fill(disk, leaving=12)
    disturbed = predict(disk / "output")
    ballast.unlink()
    again = predict(disk / "output")

    assert undisturbed.returncode == 0, undisturbed.stderr
    assert disturbed.returncode == 1
    assert "No space left on device" in disturbed.stderr
    assert "Traceback" not in disturbed.stderr
    assert again.returncode == 0, again.stderr
    assert parts(disk / "output") == parts(tmp_path / "undisturbed")


def test_answer_that_cannot_be_written_is_an_error(sample_store: Path) -> None:
    done = said_to_a_full_disk("registry", "list", ZIFFER_STORE=sample_store)

    assert done.returncode == 1
    assert done.stderr.startswith("registry: cannot write what it found:")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_full_disk_costs_the_log_and_not_the_training(log_format: str, tmp_path: Path) -> None:
    done = said_to_a_full_disk(
        *("training", "--epochs", "3", "--log-format", log_format),
        **{"ZIFFER_STORE": tmp_path, **QUICK_RECIPE},
    )

    assert (done.returncode, done.stderr) == (0, "")
    registry = open_registry(RegistrySettings(store=str(tmp_path)))
    assert registry.resolve(DIGITS, PRODUCTION).card.version == 1


def test_full_disk_costs_the_log_and_not_the_service(sample_store: Path) -> None:
    port = free_port()
    env = environment(ZIFFER_STORE=sample_store, PORT=port, ZIFFER_SERVE_ACCESS_LOG="json")
    with Path("/dev/full").open("w") as full:
        service = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=ROOT,
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    def is_ready() -> bool:
        with suppress(OSError):
            return bool(ask(f"http://127.0.0.1:{port}", "/healthz")["ready"])
        return False

    until(is_ready)
    service.terminate()
    _, complaints = service.communicate(timeout=60)

    assert (service.returncode, complaints) == (0, "")


def said_to_a_full_disk(*command: str, **settings: object) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment(**settings),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def train(
    store: Path, *, limit: Callable[[], None] | None = None, **settings: object
) -> subprocess.CompletedProcess[str]:
    env = environment(ZIFFER_STORE=store, **QUICK_RECIPE | {"ZIFFER_TRAIN_EPOCHS": "3"} | settings)
    return subprocess.run(
        [sys.executable, "-m", "training"],
        cwd=ROOT,
        env=env,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
