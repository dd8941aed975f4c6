"""Any version can be asked for, few stay in memory, and nobody can wear out the store."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from registry.catalog import Registry
from registry.contract import MODEL_FILE
from registry.deletion import delete
from registry.policy import AliasPolicy, Policy
from registry.settings import RegistrySettings, open_registry
from registry.signing import Signer
from service.app import create_app
from service.errors import ModelNotFoundError, ModelUnavailableError, ModelUnusableError
from service.models.served import Models
from service.settings import ServiceSettings
from tests.programs import until
from tests.registry_examples import DIGITS, PRODUCTION
from tests.service_models import Recorder, Releases, Served


@pytest.fixture(scope="module")
def sample_registry(sample_store: Path) -> Registry:
    return open_registry(RegistrySettings(store=str(sample_store)))


@pytest.fixture
def served(sample_registry: Registry) -> Served:
    """Version 1 is in production, 2 and 3 are registered."""
    served = Served(sample_registry)
    served.releases.publish()
    served.releases.publish()
    served.store.operations.clear()
    return served


def fetches(served: Served, version: int) -> int:
    """How often the model of a version came from the store."""
    digest = served.registry.card(DIGITS, version).files[MODEL_FILE].digest
    return sum(operation == "get" and digest in key for operation, key in served.store.operations)


# Versions that are asked for.


def test_version_is_loaded_when_it_is_asked_for(served: Served) -> None:
    loaded_before = served.models.loaded()

    classifier = served.models.choose(version=3)

    assert loaded_before == [1]
    assert classifier.card.version == 3
    assert classifier.predict(np.zeros((1, 28, 28), np.uint8)).probabilities.shape == (1, 10)
    assert served.models.loaded() == [1, 3]
    assert served.version == 1


def test_version_is_loaded_once(served: Served) -> None:
    first = served.models.choose(version=2)
    served.store.operations.clear()

    assert served.models.choose(version=2) is first
    assert served.models.choose(version=1) is served.models.choose()
    assert served.store.operations == []


def test_many_who_ask_at_once_share_one_load(served: Served) -> None:
    all_ask, is_open = threading.Barrier(9), threading.Event()

    def wait(operation: str, key: str) -> None:
        is_open.wait(60)

    def ask(_: int) -> int:
        all_ask.wait(60)
        return id(served.models.choose(version=2))

    with ThreadPoolExecutor(8) as clients:
        served.store.before = wait
        answers = clients.map(ask, range(8))
        all_ask.wait(60)
        is_open.set()

    assert len(set(answers)) == 1
    assert fetches(served, 2) == 1


def test_least_recently_used_version_goes_first(sample_registry: Registry) -> None:
    served = Served(sample_registry, loaded_versions=2)
    for _ in range(3):
        served.releases.publish()
    served.models.choose(version=2)
    served.models.choose(version=3)
    served.models.choose(version=2)

    served.models.choose(version=4)

    assert served.models.loaded() == [1, 2, 4]


def test_versions_that_aliases_name_stay(sample_registry: Registry) -> None:
    served = Served(sample_registry, loaded_versions=1, shadow_alias="shadow")
    served.releases.release(alias="shadow")
    served.models.check()
    served.releases.publish()
    served.releases.publish()

    served.models.choose(version=3)
    served.models.choose(version=4)

    assert served.models.loaded() == [1, 2, 4]


def test_version_before_stays_for_a_rollback(served: Served) -> None:
    before = served.models.choose()
    served.registry.promote(served.registry.card(DIGITS, 2), PRODUCTION)
    served.models.check()
    served.registry.rollback(DIGITS, PRODUCTION)

    served.models.check()

    assert served.models.choose() is before


def test_unknown_version_is_not_found(served: Served) -> None:
    with pytest.raises(ModelNotFoundError, match=r"^digits has no version 99\.$"):
        served.models.choose(version=99)


def test_unknown_versions_ask_the_store_once_a_second(served: Served) -> None:
    for version in range(100, 200):
        with pytest.raises(ModelNotFoundError):
            served.models.choose(version=version)

    assert len(served.store.operations) < 10  # One, unless the machine is very slow.


def test_deleted_version_is_not_found(served: Served) -> None:
    delete(served.registry.store, DIGITS, 2, reason="a drill")

    for _ in range(2):
        with pytest.raises(ModelNotFoundError, match="digits version 2 was deleted"):
            served.models.choose(version=2)
    assert served.models.refused == {}


def test_version_that_does_not_load_is_unavailable(sample_registry: Registry) -> None:
    recorder = Recorder()
    served = Served(sample_registry, recorder)
    served.releases.publish(b"not onnx")

    for _ in range(3):
        with pytest.raises(ModelUnavailableError, match=r"^digits version 2 cannot be served\.$"):
            served.models.choose(version=2)

    [line] = served.lines
    assert line.startswith("not serving digits version 2: digits version 2 cannot be loaded")
    assert [version for version, _ in recorder.of("refused")] == [2]
    assert "cannot be loaded" in served.models.refused[2]
    assert fetches(served, 2) == 1


def test_who_waits_for_a_version_that_fails_is_told_so(served: Served) -> None:
    """Also where it is loaded because an alias names it, whose failures are another kind."""
    card = served.releases.release(b"not onnx")
    is_loading, is_open = threading.Event(), threading.Event()

    def wait(operation: str, key: str) -> None:
        if card.files[MODEL_FILE].digest in key:
            is_loading.set()
            is_open.wait(60)

    served.models.versions()
    served.store.before = wait
    with ThreadPoolExecutor(2) as threads:
        checked = threads.submit(served.models.check)
        is_loading.wait(60)
        asked = threads.submit(served.models.choose, card.version)
        is_open.set()

    assert isinstance(checked.result(), ModelUnusableError)
    assert isinstance(asked.exception(), ModelUnavailableError)


def test_failure_is_over_when_an_administrator_loads(served: Served) -> None:
    card = served.registry.card(DIGITS, 2)
    key = next(key for key in served.store.objects if card.files[MODEL_FILE].digest in key)
    whole = served.store.get(key).body
    served.store.put(key, whole[:-1])
    with pytest.raises(ModelUnavailableError):
        served.models.choose(version=2)
    served.store.put(key, whole)
    with pytest.raises(ModelUnavailableError):
        served.models.choose(version=2)

    assert served.models.load(2).card == card
    assert served.models.refused == {}


def test_version_without_the_signature_that_the_alias_needs_is_unavailable(
    served: Served, tmp_path: Path
) -> None:
    signer = Signer.create(tmp_path / "ci.pem")
    served.registry.policy = Policy(
        keys={"ci": signer.public_key}, aliases={PRODUCTION: AliasPolicy(signed_by=("ci",))}
    )
    served.registry.signer = signer
    signed = served.releases.publish()

    with pytest.raises(ModelUnavailableError):
        served.models.choose(version=2)

    assert "is not validly signed by ci" in served.models.refused[2]
    assert served.models.choose(version=signed.version).card == signed


def test_only_loaded_versions_answer_while_the_store_is_away(served: Served) -> None:
    served.models.choose(version=2)
    served.store.is_away = True

    with pytest.raises(ModelUnavailableError, match="version 3 is not loaded, and the store is"):
        served.models.choose(version=3)

    assert served.models.choose(version=2).card.version == 2
    assert served.models.versions() == [1, 2, 3]
    served.store.is_away = False
    served.models.check()
    assert served.models.choose(version=3).card.version == 3


def test_registered_versions_are_listed(served: Served) -> None:
    assert served.models.versions() == [1, 2, 3]
    assert served.models.loaded() == [1]


# Load and unload.


def test_nothing_answers_until_it_is_loaded_again(served: Served) -> None:
    served.models.unload()

    assert not served.models.is_ready
    assert served.models.loaded() == []
    for version in (None, 1):
        with pytest.raises(ModelUnavailableError, match="digits is unloaded"):
            served.models.choose(version)

    assert served.models.load().card.version == 1
    assert served.models.is_ready


def test_promotion_does_not_load_what_was_unloaded(served: Served) -> None:
    served.models.unload()
    served.releases.release()

    served.models.check()
    assert not served.models.is_ready

    assert served.models.load().card.version == 4


def test_load_goes_along_at_once(served: Served) -> None:
    card = served.releases.release()

    assert served.models.load().card == card
    assert served.version == card.version


def test_load_of_what_does_not_work_changes_nothing(served: Served) -> None:
    served.releases.release(b"not onnx")

    with pytest.raises(ModelUnavailableError, match="digits version 4 cannot be loaded"):
        served.models.load()

    assert served.version == 1


def test_load_of_an_unknown_version_is_not_found(served: Served) -> None:
    with pytest.raises(ModelNotFoundError, match="no version 99"):
        served.models.load(99)


def test_other_workers_hear_of_what_one_does(sample_store: Path, tmp_path: Path) -> None:
    registry = Registry(open_registry(RegistrySettings(store=str(tmp_path / "store"))).store)
    releases = Releases(registry, open_registry(RegistrySettings(store=str(sample_store))))
    releases.release()
    models = Models(ServiceSettings(follow_interval_s=3600), opener=lambda: registry)
    models.prepare()
    worker = multiprocessing.get_context("fork").Process(target=_worker, args=[models], daemon=True)
    worker.start()

    models.unload()
    releases.release()
    models.load()
    worker.join(60)

    assert worker.exitcode == 0


def _worker(models: Models) -> None:
    """Succeed as soon as version 2 answers, which nobody asks for within the hour."""
    models.start()
    until(lambda: models.is_ready and models.choose().card.version == 2)


# No model yet.


@pytest.fixture
def waiting(sample_registry: Registry) -> Served:
    return Served(sample_registry, wait_for_model=True)


def test_service_without_a_model_is_not_ready(waiting: Served) -> None:
    client = create_app(ServiceSettings(), waiting.models).test_client()

    answer = client.post("/predict", json={"pixels": [[0, 255] * 14] * 28})
    ready, live = client.get("/v2/health/ready"), client.get("/healthz")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "no version that could be served yet" in answer.get_json()["error"]
    assert (ready.status_code, ready.headers["Retry-After"]) == (503, "5")
    assert live.status_code == 200
    assert live.get_json() == {"live": True, "ready": False}


def test_service_becomes_ready_when_the_alias_appears(waiting: Served) -> None:
    waiting.models.check()
    was_stale = waiting.models.is_stale
    waiting.releases.release()

    waiting.models.check()

    assert waiting.models.is_ready
    assert waiting.version == 1
    assert not was_stale
    assert waiting.lines[0].startswith("no model yet: digits has no alias 'production'")
    assert waiting.lines[1:] == ["serving digits version 1"]


def test_load_without_a_model_is_not_found(waiting: Served) -> None:
    with pytest.raises(ModelNotFoundError, match="no version to load"):
        waiting.models.load()
