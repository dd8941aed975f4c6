"""A canary answers its share of the requests, a shadow reads along, and both are compared."""

import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from registry.catalog import Registry
from registry.configuration import SettingsError, load
from registry.policy import AliasPolicy, Policy
from registry.settings import RegistrySettings, open_registry
from registry.signing import Signer
from service.models.routing import is_chosen, position
from service.settings import ServiceSettings
from tests.registry_examples import PRODUCTION
from tests.service_models import Recorder, Served
from training.export import to_onnx
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe

KEYS = [f"customer-{number}" for number in range(4000)]


@pytest.fixture(scope="module")
def sample_registry(sample_store: Path) -> Registry:
    return open_registry(RegistrySettings(store=str(sample_store)))


@pytest.fixture(scope="module")
def pixels(sample: Mnist) -> NDArray[np.uint8]:
    return sample.test.images[:50]


def canary(registry: Registry, percent: float, recorder: Recorder | None = None) -> Served:
    """Version 1 in production, and version 2 as its canary."""
    served = Served(registry, recorder, canary_alias="canary", canary_percent=percent)
    served.releases.release(alias="canary")
    served.models.check()
    return served


def shadow(registry: Registry, recorder: Recorder, percent: float = 100) -> Served:
    """Version 1 in production, and version 2 as its shadow; nothing runs by itself."""
    served = Served(registry, recorder, shadow_alias="shadow", shadow_percent=percent)
    served.releases.release(alias="shadow")
    served.models.check()
    return served


def compare(served: Served, requests: int) -> None:
    """Let the shadow read what it was shown."""
    for _ in range(requests):
        served.models.shadow.compare_next(timeout_s=60)


# Which requests.


@given(key=st.text(), less=st.floats(0, 100), more=st.floats(0, 100))
def test_key_stays_chosen_while_the_share_grows(key: str, less: float, more: float) -> None:
    less, more = sorted((less, more))

    assert is_chosen(less, key) <= is_chosen(more, key)
    assert not is_chosen(0, key)
    assert is_chosen(100, key)


def test_keys_are_spread_evenly() -> None:
    tenths = Counter(int(position(key) // 10) for key in KEYS)

    assert sorted(tenths) == list(range(10))
    assert min(tenths.values()) > 330
    assert max(tenths.values()) < 470


def test_key_lies_where_it_lay_in_the_last_release() -> None:
    assert position("customer-7") == pytest.approx(41.23318747867929)


def test_request_without_a_key_is_a_draw() -> None:
    chosen = sum(is_chosen(30, None) for _ in range(4000))

    assert 1000 < chosen < 1400
    assert not any(is_chosen(0, None) for _ in range(100))
    assert all(is_chosen(100, None) for _ in range(100))


# A canary.


def test_canary_answers_its_share_of_the_keys(sample_registry: Registry) -> None:
    served = canary(sample_registry, percent=20)

    first, again = (
        [served.models.choose(routing_key=key).card.version for key in KEYS] for _ in range(2)
    )

    assert first == again
    assert 700 < Counter(first)[2] < 900


def test_canary_answers_its_share_of_requests_without_a_key(sample_registry: Registry) -> None:
    served = canary(sample_registry, percent=20)

    versions = Counter(served.version for _ in range(2000))

    assert 300 < versions[2] < 500


def test_version_that_is_asked_for_is_no_canary(sample_registry: Registry) -> None:
    served = canary(sample_registry, percent=100)

    assert served.models.choose(version=1).card.version == 1
    assert served.version == 2


def test_no_canary_is_no_trouble(sample_registry: Registry) -> None:
    served = Served(sample_registry, canary_alias="canary", canary_percent=100)

    served.models.check()

    assert served.version == 1
    assert not served.models.is_stale
    assert served.lines == []


def test_canary_that_cannot_be_served_gets_nothing(sample_registry: Registry) -> None:
    served = Served(sample_registry, canary_alias="canary", canary_percent=100)
    served.releases.release(b"not onnx", alias="canary")

    served.models.check()

    assert served.version == 1
    assert served.models.is_ready
    assert not served.models.is_stale
    [line] = served.lines
    assert line.startswith("no canary yet: digits version 2 cannot be loaded")


def test_canary_needs_the_signatures_of_what_it_stands_in_for(
    sample_registry: Registry, tmp_path: Path
) -> None:
    signer = Signer.create(tmp_path / "ci.pem")
    served = Served(sample_registry, canary_alias="canary", canary_percent=100)
    served.registry.policy = Policy(
        keys={"ci": signer.public_key}, aliases={PRODUCTION: AliasPolicy(signed_by=("ci",))}
    )
    served.releases.release(alias="canary")

    served.models.check()

    assert served.version == 1
    assert "is not validly signed by ci" in served.models.refused[2]


def test_canary_is_said_to_be_one(sample_registry: Registry) -> None:
    served = canary(sample_registry, percent=20)

    assert served.lines == ["serving digits version 2 as canary"]
    versions = {role: one.card.version for role, one in served.models.named.items()}
    assert versions == {"primary": 1, "canary": 2}


def test_canary_that_is_promoted_ends(sample_registry: Registry, pixels: NDArray[np.uint8]) -> None:
    recorder = Recorder()
    served = canary(sample_registry, percent=50, recorder=recorder)
    served.registry.promote(served.registry.card("digits", 2), "production")

    served.models.check()
    for _ in range(20):
        served.models.choose().predict(pixels)

    assert served.version == 2
    assert recorder.of("answered") == []
    assert recorder.of("exchanged") == [("primary", 1), ("canary", 2), ("primary", 2)]


def test_answers_of_both_are_counted(sample_registry: Registry, pixels: NDArray[np.uint8]) -> None:
    recorder = Recorder()
    served = canary(sample_registry, percent=50, recorder=recorder)

    for key in KEYS[:40]:
        served.models.choose(routing_key=key).predict(pixels[:3])

    answered = Counter(recorder.of("answered"))
    assert set(answered) == {("primary", 1, 3), ("canary", 2, 3)}
    assert answered.total() == 40


def test_failure_is_counted_and_raised(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = canary(sample_registry, percent=100, recorder=recorder)

    with pytest.raises(Exception, match="pixels"):
        served.models.choose().predict(pixels[0])

    assert recorder.of("failed") == [("canary", 2)]


def test_nothing_is_counted_without_a_canary(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = Served(sample_registry, recorder)

    served.models.choose().predict(pixels)

    assert recorder.told == [("exchanged", "primary", 1)]


def test_share_without_a_canary_is_no_setting() -> None:
    with pytest.raises(SettingsError, match="--canary-percent is 5, but no --canary-alias"):
        load(ServiceSettings, "service", None, ["--canary-percent", "5"], {})


# A shadow.


def test_shadow_that_answers_alike_agrees(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = shadow(sample_registry, recorder)

    answered = served.models.choose()
    answered.predict(pixels)
    compare(served, 1)

    assert answered.card.version == 1
    assert recorder.of("compared") == [(1, 2, 50, 50)]
    assert recorder.of("answered") == [("primary", 1, 50), ("shadow", 2, 50)]


def test_shadow_that_answers_otherwise_disagrees(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = Served(sample_registry, recorder, shadow_alias="shadow")
    untrained = to_onnx(build(Recipe()), "categorical_cross_entropy")
    del served.releases.files["golden.json"]
    served.releases.release(untrained, alias="shadow")
    served.models.check()

    served.models.choose().predict(pixels)
    compare(served, 1)

    [(primary, other, images, agreed)] = recorder.of("compared")
    assert (primary, other, images) == (1, 2, 50)
    assert isinstance(agreed, int)
    assert agreed < 25


def test_pixels_may_change_after_the_answer(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = shadow(sample_registry, recorder)
    own = pixels.copy()

    served.models.choose().predict(own)
    own[:] = 0
    compare(served, 1)

    assert recorder.of("compared") == [(1, 2, 50, 50)]


def test_shadow_that_is_too_slow_misses_some(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    recorder = Recorder()
    served = shadow(sample_registry, recorder)

    for _ in range(100):
        served.models.choose().predict(pixels)
    missed = recorder.of("dropped")
    compare(served, 100 - len(missed))
    served.models.choose().predict(pixels)

    assert 0 < len(missed) < 100
    assert set(missed) == {(2, 50)}
    assert recorder.of("dropped") == missed


def test_shadow_sees_its_share(sample_registry: Registry, pixels: NDArray[np.uint8]) -> None:
    recorder = Recorder()
    served = shadow(sample_registry, recorder, percent=0)

    for _ in range(100):
        served.models.choose().predict(pixels)

    assert recorder.of("dropped") == []
    assert len(recorder.of("answered")) == 100


def test_shadow_reads_beside_the_requests(
    sample_registry: Registry, pixels: NDArray[np.uint8]
) -> None:
    is_compared = threading.Event()

    class Waiting(Recorder):
        def compared(self, primary: int, shadow: int, *, images: int, agreed: int) -> None:
            super().compared(primary, shadow, images=images, agreed=agreed)
            is_compared.set()

    recorder = Waiting()
    served = Served(sample_registry, recorder, shadow_alias="shadow", follow_interval_s=0)
    served.models.start()
    served.releases.release(alias="shadow")
    served.models.load()

    served.models.choose().predict(pixels[:2])

    assert is_compared.wait(60)
    assert recorder.of("compared") == [(1, 2, 2, 2)]
