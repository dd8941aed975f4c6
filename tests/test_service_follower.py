"""The service goes with its alias: no restart, no request lost, nothing that does not work."""

import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from registry.cache import BlobCache
from registry.catalog import Registry
from registry.contract import MODEL_FILE
from registry.errors import RegistryError
from registry.settings import RegistrySettings, open_registry
from service.models.loader import load_classifier
from service.models.served import Models
from service.settings import ServiceSettings
from tests import registry_servers
from tests.programs import environment, free_port, serving, until
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_memory import Away
from tests.registry_proxy import Fault, proxied
from tests.service_models import Releases, Served
from training.mnist import Mnist


@pytest.fixture
def sample_registry(sample_store: Path) -> Registry:
    return open_registry(RegistrySettings(store=str(sample_store)))


# Within this process, one check at a time.


@pytest.fixture
def served(sample_registry: Registry) -> Served:
    """Version 1, in a store that can be cut off."""
    return Served(sample_registry)


def test_nothing_happens_while_the_alias_stays(served: Served) -> None:
    classifier = served.models.choose()
    served.store.operations.clear()

    served.models.check()

    assert served.models.choose() is classifier
    assert not served.models.is_stale
    assert served.lines == []
    assert [operation for operation, _ in served.store.operations] == ["get"]


def test_next_version_is_served_and_said_once(served: Served) -> None:
    card = served.releases.release()

    served.models.check()
    served.models.check()

    assert served.models.choose().card == card
    assert served.lines == ["serving digits version 2"]


def test_request_keeps_the_classifier_it_began_with(served: Served, sample: Mnist) -> None:
    begun = served.models.choose()
    served.releases.release()

    served.models.check()

    assert begun.card.version == 1
    assert begun.predict(sample.test.images).probabilities.shape == (200, 10)
    assert served.version == 2


def test_version_that_does_not_load_never_serves(served: Served) -> None:
    served.releases.release(b"not onnx")

    served.models.check()
    served.models.check()

    assert served.version == 1
    assert served.models.is_stale
    [line] = served.lines
    assert line.startswith("still serving digits version 1: digits version 2 cannot be loaded")


def test_damaged_version_never_serves(served: Served) -> None:
    card = served.releases.release()
    key = next(key for key in served.store.objects if card.files[MODEL_FILE].digest in key)
    whole = served.store.get(key).body
    served.store.put(key, whole[:-1])

    served.models.check()
    served.models.check()

    assert served.version == 1
    assert len(served.lines) == 1
    assert "is damaged" in served.lines[0]

    served.store.put(key, whole)
    served.models.check()
    assert served.version == 2


def test_following_goes_on_after_a_version_that_does_not_load(served: Served) -> None:
    served.releases.release(b"not onnx")
    served.models.check()
    served.releases.release()

    served.models.check()

    assert served.version == 3
    assert not served.models.is_stale
    assert served.lines[1:] == ["serving digits version 3"]


def test_rollback_to_the_version_served_loads_nothing(served: Served) -> None:
    classifier = served.models.choose()
    served.releases.release(b"not onnx")
    served.models.check()
    served.releases.registry.rollback(DIGITS, PRODUCTION)

    served.models.check()

    assert served.models.choose() is classifier
    assert not served.models.is_stale
    assert served.lines[1:] == ["production is known to name digits version 1 again"]


def test_outage_is_said_once_and_ends_by_itself(served: Served) -> None:
    served.store.is_away = True
    served.models.check()
    served.models.check()
    stale_during_outage = served.models.is_stale
    served.store.is_away = False

    served.models.check()

    assert stale_during_outage
    assert not served.models.is_stale
    assert served.version == 1
    assert served.lines == [
        "still serving digits version 1: cut off",
        "production is known to name digits version 1 again",
    ]


def test_stale_at_the_start_ends_when_the_store_is_back(
    sample_registry: Registry, tmp_path: Path
) -> None:
    store = Away()
    registry = Registry(store, BlobCache(tmp_path))
    load_classifier(registry, Releases(registry, sample_registry).release())
    registry.resolve(DIGITS, PRODUCTION)
    store.is_away = True
    lines: list[str] = []
    models = Models(ServiceSettings(), opener=lambda: registry, report=lines.append)
    models.prepare()

    models.check()
    assert models.is_stale
    assert models.stale_seconds > 0
    assert lines == []

    store.is_away = False
    models.check()
    assert not models.is_stale
    assert models.stale_seconds == 0


def test_service_that_never_asks_stays_with_what_it_has(sample_registry: Registry) -> None:
    served = Served(sample_registry, follow_interval_s=0)
    served.models.start()
    served.releases.release()

    assert served.version == 1
    assert served.models.load().card.version == 2


def test_registry_that_does_not_open_is_opened_again(sample_registry: Registry) -> None:
    lines: list[str] = []
    attempts = iter([None, RegistryError("no policy"), None])

    def opened() -> Registry:
        error = next(attempts)
        if error:
            raise error
        return sample_registry

    models = Models(ServiceSettings(follow_interval_s=0), opener=opened, report=lines.append)
    models.prepare()
    models.start()  # Forgets the connection, as a worker has to.
    models.check()
    assert models.is_stale

    models.check()
    models.check()
    assert not models.is_stale
    assert lines[0] == "still serving digits version 1: no policy"


# In real processes, under load.


def ask(url: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """The answer to one request on a connection of its own."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", body, headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
        return answer


class Load:
    """Clients that ask for as long as they may, each on one connection, and keep every answer."""

    def __init__(self, url: str, body: bytes, clients: int = 3) -> None:
        self.answers: list[list[tuple[int, int, str]]] = [[] for _ in range(clients)]
        self._address = url.removeprefix("http://")
        self._body = body
        self._is_over = threading.Event()
        self._clients = [
            threading.Thread(target=self._ask_on, args=[answers]) for answers in self.answers
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        for client in self._clients:
            client.start()
        try:
            yield
        finally:
            self._is_over.set()
            for client in self._clients:
                client.join()

    def has_seen(self, version: int) -> bool:
        return all(answers and answers[-1][1] == version for answers in self.answers)

    def _ask_on(self, answers: list[tuple[int, int, str]]) -> None:
        connection = http.client.HTTPConnection(self._address)
        while not self._is_over.is_set():
            connection.request("POST", "/predict", self._body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            model = json.load(response)["model"]
            answers.append((response.status, model["version"], model["digest"]))
            time.sleep(0.002)  # Two cores have the service to run as well.
        connection.close()


@pytest.fixture(scope="module")
def pixels(sample: Mnist) -> bytes:
    return json.dumps({"pixels": sample.test.images[0].tolist()}).encode()


@pytest.fixture
def store(sample_store: Path, tmp_path: Path) -> Path:
    """A copy of the sample's registry, to release into."""
    return Path(shutil.copytree(sample_store, tmp_path / "registry"))


@pytest.fixture
def releases(store: Path) -> Releases:
    registry = open_registry(RegistrySettings(store=str(store)))
    return Releases(registry, registry)


@contextmanager
def service(**settings: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    given = {"ZIFFER_SERVE_FOLLOW_INTERVAL_S": 0.05, "PORT": free_port()} | settings
    with serving([sys.executable, "-m", "service"], environment(**given)) as running:
        yield running


def stopped(process: subprocess.Popen[str]) -> list[str]:
    """What the service said since it began to serve, until it is asked to stop."""
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output.splitlines()


def test_hundred_promotions_under_load_lose_no_request(
    store: Path, releases: Releases, pixels: bytes
) -> None:
    with service(ZIFFER_STORE=store) as (url, process):
        load = Load(url, pixels)
        with load.running():
            for _ in range(100):
                version = releases.release().version
                until(lambda: load.has_seen(version))  # noqa: B023 - called before it changes
        lines = stopped(process)

    registered = {
        version: releases.registry.card(DIGITS, version).files[MODEL_FILE].digest
        for version in releases.registry.versions(DIGITS)
    }
    assert len(set(registered.values())) == 101
    for answers in load.answers:
        assert {status for status, _, _ in answers} == {200}
        assert all(registered[version] == digest for _, version, digest in answers)
        versions = [version for _, version, _ in answers]
        assert versions == sorted(versions)
    assert lines == [f"serving digits version {version}" for version in range(2, 102)]


def test_model_that_is_none_never_serves(store: Path, releases: Releases, pixels: bytes) -> None:
    with service(ZIFFER_STORE=store) as (url, process):
        releases.release(b"not onnx")
        until(lambda: ask(url, "/healthz").get("stale") is True)
        served_then = ask(url, "/predict", pixels)["model"]["version"]
        releases.release()
        until(lambda: ask(url, "/predict", pixels)["model"]["version"] == 3)
        health = ask(url, "/healthz")
        lines = stopped(process)

    assert served_then == 1
    assert health == {"live": True, "ready": True}
    assert len(lines) == 2
    assert "digits version 2 cannot be loaded" in lines[0]
    assert lines[1] == "serving digits version 3"


def test_service_may_start_before_there_is_a_model(
    sample_registry: Registry, tmp_path: Path, pixels: bytes
) -> None:
    registry = open_registry(RegistrySettings(store=str(tmp_path)))
    settings = {"ZIFFER_SERVE_WAIT_FOR_MODEL": True, "ZIFFER_SERVE_WORKERS": 2}
    with service(ZIFFER_STORE=tmp_path, **settings) as (url, process):
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            ask(url, "/predict", pixels)
        refused.value.close()
        Releases(registry, sample_registry).release()
        until(lambda: all(ask(url, "/healthz")["ready"] for _ in range(20)))
        answer = ask(url, "/predict", pixels)
        lines = stopped(process)

    assert answer["model"]["version"] == 1
    assert [line.partition(" (")[0] for line in lines] == ["serving digits version 1"] * 2


def test_store_may_go_away_and_come_back(store: Path, releases: Releases, pixels: bytes) -> None:
    with service(ZIFFER_STORE=store) as (url, process):
        store.rename(store.with_name("elsewhere"))
        until(lambda: ask(url, "/healthz").get("stale") is True)
        served_then = ask(url, "/predict", pixels)["model"]["version"]
        store.with_name("elsewhere").rename(store)
        until(lambda: "stale" not in ask(url, "/healthz"))
        releases.release()
        until(lambda: ask(url, "/predict", pixels)["model"]["version"] == 2)
        lines = stopped(process)

    assert served_then == 1
    assert len(lines) == 3


def test_two_workers_follow_a_bucket_and_agree(
    sample_registry: Registry, tmp_path: Path, pixels: bytes
) -> None:
    with registry_servers.moto() as server, proxied(server) as (proxy, front):
        settings = front.settings(tmp_path)
        releases = Releases(open_registry(settings), sample_registry)
        releases.release()
        with service(**variables(settings), ZIFFER_SERVE_WORKERS=2) as (url, process):

            def all_answers(path: str, holds: Callable[[dict[str, Any]], bool]) -> bool:
                # The kernel deals connections out: so many in a row have met both workers.
                body = pixels if path == "/predict" else None
                return all(holds(ask(url, path, body)) for _ in range(30))

            releases.release()
            until(lambda: all_answers("/predict", lambda answer: answer["model"]["version"] == 2))
            proxy.reset(lambda number: Fault.LOST)
            until(lambda: all_answers("/healthz", lambda health: health.get("stale") is True))
            proxy.reset()
            until(lambda: all_answers("/healthz", lambda health: "stale" not in health))
            proxy.reset()
            until(lambda: len(proxy.answers) >= 10)
            lines = stopped(process)

    swaps = [re.fullmatch(r"serving digits version 2 \(worker (\d+)\)", line) for line in lines]
    assert len({swap[1] for swap in swaps if swap}) == 2
    assert len(lines) == 6, lines
    assert set(proxy.answers) == {304}


def variables(settings: RegistrySettings) -> dict[str, object]:
    """The environment that says what `settings` do."""
    given = settings.model_dump(exclude_defaults=True)
    given["s3_secret_access_key"] = registry_servers.SECRET_KEY
    return {f"ZIFFER_{name.upper()}": value for name, value in given.items()}
