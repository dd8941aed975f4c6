"""A finished model is never lost: not to a store that is away, nor to kill -9."""

import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.card import ModelCard
from registry.catalog import Registry
from registry.errors import RegistryError
from registry.handover import as_environment, secrets_in
from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.registry_examples import DIGITS, DRAFT, PRODUCTION
from tests.registry_memory import MemoryStore
from tests.registry_proxy import Fault, proxied
from tests.registry_servers import SECRET_KEY, Server
from training.unpublished import UnpublishedError, publish_or_keep

pytest_plugins = ["tests.registry_stores"]

FILES = {"model.onnx": b"model", "report/curve of loss.svg": b"<svg/>"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where models are kept until they are published."""
    return tmp_path / "un published"


def settings_of_directory(store: Path) -> RegistrySettings:
    return RegistrySettings(store=str(store), model=DIGITS)


def publish(settings: RegistrySettings, directory: Path, registry: Registry) -> ModelCard:
    return publish_or_keep(registry, settings, FILES, DRAFT, directory, pytest.fail)


def follow(advice: str, settings: RegistrySettings) -> ModelCard:
    """Do what the advice says, word for word, and return the card of what production names."""
    secrets = secrets_in(settings)
    assert all(name in advice for name in secrets)
    env = programs.environment(**{name: as_environment(settings)[name] for name in secrets})
    commands = [line for line in advice.splitlines() if line.startswith("  ")]
    publish, promote, remove = map(shlex.split, commands)
    published = programs.run(*publish[2:], env=env)
    assert published.returncode == 0, published.stderr
    version = published.stdout.split()[-1]
    promoted = programs.run(*[version if w == "VERSION" else w for w in promote[2:]], env=env)
    assert promoted.returncode == 0, promoted.stderr
    subprocess.run(remove, check=True)
    return open_registry(settings).resolve(settings.model, PRODUCTION).card


def test_nothing_is_left_after_publication(directory: Path) -> None:
    registry = Registry(MemoryStore())

    card = publish(RegistrySettings(), directory, registry)

    assert {name: registry.fetch(card, name) for name in card.files} == FILES
    assert list(directory.iterdir()) == []


def test_model_is_kept_while_its_directory_store_is_away(directory: Path, tmp_path: Path) -> None:
    settings = settings_of_directory(tmp_path / "store")
    registry = open_registry(settings)
    registry.require_safe_writes()
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").write_bytes(b"a file where the store was")

    with pytest.raises(UnpublishedError, match=r"cannot write .*\n.* is kept in") as failure:
        publish(settings, directory, registry)
    (tmp_path / "store").unlink()

    card = follow(str(failure.value), settings)
    assert {name: registry.fetch(card, name) for name in card.files} == FILES
    assert card.draft == DRAFT
    assert list(directory.iterdir()) == []


def test_model_is_kept_while_its_s3_server_is_away(
    directory: Path, tmp_path: Path, moto: Server
) -> None:
    with proxied(moto) as (_, server):
        settings = server.settings(tmp_path / "cache")
        open_registry(settings).require_safe_writes()
    registry = open_registry(settings)

    with pytest.raises(UnpublishedError, match="cannot reach s3://") as failure:
        publish(settings, directory, registry)

    assert SECRET_KEY not in str(failure.value)
    advice = str(failure.value).replace(server.endpoint, moto.endpoint)
    returned = settings.model_copy(update={"s3_endpoint_url": moto.endpoint})
    assert follow(advice, returned).draft == DRAFT


PROGRAM = """
import os, pathlib, sys
from registry.configuration import resolve
from registry.settings import RegistrySettings, open_registry
from tests.test_training_unpublished import publish
settings = resolve(RegistrySettings, {}, os.environ)
sys.stdin.readline()
publish(settings, pathlib.Path(sys.argv[1]), open_registry(settings))
"""


@pytest.mark.parametrize(
    ("request_number", "fault"), [(1, Fault.KILLED_BEFORE), (3, Fault.KILLED_AFTER)]
)
def test_killed_process_leaves_what_it_takes_to_publish_once(
    directory: Path, tmp_path: Path, moto: Server, request_number: int, fault: Fault
) -> None:
    with proxied(moto) as (proxy, server):
        settings = server.settings(tmp_path / "cache")
        open_registry(settings).require_safe_writes()
        proxy.reset(lambda number: fault if number == request_number else Fault.NONE)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, directory],
            cwd=programs.ROOT,
            env=programs.environment(**as_environment(settings)),
            stdin=subprocess.PIPE,
        )
        proxy.victim = process.pid
        process.communicate(b"go\n", timeout=60)
        proxy.reset()
        assert process.returncode == -signal.SIGKILL

        [kept] = directory.iterdir()
        card = follow((kept / "how-to-publish.txt").read_text(), settings)

        assert (card.version, card.publish_id) == (1, kept.name)
        assert open_registry(settings).versions(DIGITS) == [1]


def test_interrupted_publication_says_where_the_model_is(directory: Path) -> None:
    store = MemoryStore()
    told: list[str] = []

    def interrupt(operation: str, key: str) -> None:
        raise KeyboardInterrupt

    store.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        publish_or_keep(Registry(store), RegistrySettings(), FILES, DRAFT, directory, told.append)

    [kept] = directory.iterdir()
    assert told == [(kept / "how-to-publish.txt").read_text().rstrip("\n")]


def test_model_is_kept_among_temporary_files_where_its_place_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    settings = settings_of_directory(tmp_path / "file/store")

    with pytest.raises(RegistryError) as caught:
        publish_or_keep(
            open_registry(settings), settings, FILES, DRAFT, tmp_path / "file", lambda warning: None
        )

    [kept] = (tmp_path / "temporary/ziffer").iterdir()
    assert f"The finished model is kept in {kept}" in str(caught.value)
    assert (kept / "files/model.onnx").read_bytes() == b"model"


def test_model_that_cannot_be_kept_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    told: list[str] = []

    card = publish_or_keep(
        Registry(MemoryStore()), RegistrySettings(), FILES, DRAFT, tmp_path / "file", told.append
    )

    assert card.version == 1
    warning, _ = told
    assert warning.startswith(f"warning: cannot keep the finished model in {tmp_path / 'file'}")


def test_error_says_both_where_keeping_and_publishing_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    settings = settings_of_directory(tmp_path / "file/store")

    with pytest.raises(RegistryError, match=r"cannot write .*\n.*is lost: it could not be kept"):
        publish_or_keep(
            open_registry(settings), settings, FILES, DRAFT, tmp_path / "file", lambda warning: None
        )


def test_half_kept_model_is_not_left(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    files = {"model.onnx": b"model", "model.onnx/inside a file": b""}
    told: list[str] = []

    publish_or_keep(
        Registry(MemoryStore()), RegistrySettings(), files, DRAFT, directory, told.append
    )

    assert len(told) == 2
    assert list(directory.iterdir()) == list((tmp_path / "temporary/ziffer").iterdir()) == []
