"""One service through promotions, faults of its store, damaged caches and killed workers."""

import json
import os
import random
import signal
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from registry import audit
from registry.card import DraftCard
from registry.catalog import Registry
from registry.settings import open_registry
from tests.faults.models import Release, publish_distinct
from tests.faults.traffic import Traffic
from tests.programs import environment, free_port, serving, until
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_proxy import Fault, Proxy, proxied
from tests.registry_servers import SeaweedFS
from tests.test_service_follower import variables
from tests.test_service_server import children
from training.mnist import Mnist

pytestmark = pytest.mark.faults

_ROUNDS = 18
_FAULTS = [Fault.LOST, Fault.UNANSWERED, Fault.TRUNCATED, Fault.FAILED_500, Fault.FAILED_503]


class Story(NamedTuple):
    """What was done to a service, and what it answered."""

    registry: Registry
    releases: list[Release]
    promoted: list[tuple[float, Release]]
    """When each promotion began, on the monotonic clock, and of what."""
    traffic: Traffic
    killed_workers: int
    health_while_away: dict[str, Any]
    answered_while_away: int


class Director:
    """Does things to a running service and its store."""

    def __init__(
        self, seaweed: SeaweedFS, proxy: Proxy, registry: Registry, releases: list[Release]
    ) -> None:
        self.seaweed = seaweed
        self.proxy = proxy
        self.registry = registry
        self.releases = releases
        self.promoted: list[tuple[float, Release]] = []
        self.killed_workers = 0
        self._random = random.Random(6)

    def promote(self, number: int) -> Release:
        release = self.releases[number % len(self.releases)]
        self.promoted.append((time.monotonic(), release))
        self.registry.promote(release.card, PRODUCTION)
        return release

    def let_requests_fail(self) -> None:
        """About one in three of those that the service sends to its store."""
        choose = self._random
        self.proxy.reset(lambda _: choose.choice(_FAULTS) if choose.random() < 0.3 else Fault.NONE)

    def kill_worker(self, service: Popen[str]) -> None:
        victims = children(service)
        if victims:
            with suppress(ProcessLookupError):
                os.kill(self._random.choice(victims), signal.SIGKILL)
                self.killed_workers += 1

    def damage(self, cache: Path) -> None:
        """Flip a bit in each file of the cache."""
        for file in cache.rglob("*"):
            if file.is_file() and "guarantees" not in file.parts:
                content = bytearray(file.read_bytes())
                if content:
                    content[self._random.randrange(len(content))] ^= 1 << self._random.randrange(8)
                    file.write_bytes(content)


@pytest.fixture(scope="module")
def story(
    seaweed: SeaweedFS,
    draft: DraftCard,
    sample: Mnist,
    images: NDArray[np.uint8],
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    folder = tmp_path_factory.mktemp("story")
    settings = seaweed.server.settings(folder / "own")
    registry = open_registry(settings)
    releases = publish_distinct(registry, draft, sample.test, images)
    with proxied(seaweed.server) as (proxy, front):
        director = Director(seaweed, proxy, registry, releases)
        director.promote(0)
        seen = settings.model_copy(
            update={"s3_endpoint_url": front.endpoint, "s3_timeout_s": 1, "cache_dir": folder / "c"}
        )
        env = environment(
            **variables(seen),
            PORT=free_port(),
            ZIFFER_SERVE_WORKERS=2,
            ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.05,
            ZIFFER_SERVE_LOADED_VERSIONS=1,  # So that pinned versions are fetched again and again.
        )
        with serving([sys.executable, "-m", "service"], env) as (url, service):
            traffic = Traffic(url, images, versions=(1, 2, 3))
            with traffic.running():
                act(director, url, service, traffic, folder / "c")
                away = survive_outage(director, url, traffic)
                settle(director, traffic)
    return Story(registry, releases, director.promoted, traffic, director.killed_workers, *away)


def act(director: Director, url: str, service: Popen[str], traffic: Traffic, cache: Path) -> None:
    """Promotions, with whatever may go wrong meanwhile."""
    director.let_requests_fail()
    for number in range(1, _ROUNDS):
        release = director.promote(number)
        if number % 3 == 0:
            director.kill_worker(service)
        if number % 4 == 0:
            director.damage(cache)
        if number % 2:
            began_s = time.monotonic()
            until(lambda: release.digest in traffic.digests_since(began_s))  # noqa: B023
    until(lambda: len(children(service)) == 2)


def survive_outage(director: Director, url: str, traffic: Traffic) -> tuple[dict[str, Any], int]:
    """The store is killed; what the service says meanwhile, and how often it answered."""
    director.seaweed.kill()
    began_s = time.monotonic()
    try:
        # The kernel deals connections out: so many in a row have met both workers.
        until(lambda: all("stale" in health(url) for _ in range(20)))
        told = health(url)
        until(lambda: len(traffic.digests_since(began_s)) > 100)
    finally:
        answered = len(traffic.digests_since(began_s))
        director.seaweed.start()
    return told, answered


def settle(director: Director, traffic: Traffic) -> None:
    """Everything works again, and every worker serves the last of the models."""
    director.proxy.reset()
    release = director.promote(_ROUNDS)

    def all_serve() -> bool:
        digests = traffic.digests_since(time.monotonic() - 1)
        return len(digests) > 20 and set(digests) == {release.digest}

    until(all_serve)


def health(url: str) -> dict[str, Any]:
    for _ in range(100):
        with suppress(OSError), urllib.request.urlopen(f"{url}/healthz") as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
            return told
    raise AssertionError("nobody answers")


def test_every_answer_is_exactly_that_of_the_model_it_names(story: Story) -> None:
    answers = {release.digest: release.answers for release in story.releases}
    given = [answer for answer in story.traffic.answers if answer.status == 200]

    assert len(given) > 1000
    assert {answer.digest for answer in given} == set(answers)
    for answer in given:
        assert answer.probabilities is not None
        assert np.array_equal(answer.probabilities, answers[answer.digest][answer.image])


def test_no_answer_is_of_a_model_before_its_promotion(story: Story) -> None:
    first_s: dict[str, float] = {}
    for began_s, release in story.promoted:
        first_s.setdefault(release.digest, began_s)

    for answer in story.traffic.answers:
        if answer.status == 200 and answer.version is None:
            assert answer.ended_s >= first_s[answer.digest]


def test_pinned_version_is_answered_by_that_version_or_not_at_all(story: Story) -> None:
    digests = {release.card.version: release.digest for release in story.releases}
    pinned = [answer for answer in story.traffic.answers if answer.version is not None]

    assert {answer.status for answer in pinned} <= {0, 200, 503}
    for answer in pinned:
        if answer.status == 200:
            assert answer.digest == digests[answer.version or 0]


def test_only_requests_in_flight_on_a_killed_worker_break(story: Story) -> None:
    statuses = [answer.status for answer in story.traffic.answers if answer.version is None]
    broken = sum(answer.status == 0 for answer in story.traffic.answers)

    assert story.killed_workers > 0
    assert set(statuses) <= {0, 200}
    assert broken <= story.killed_workers * story.traffic.clients


def test_service_answers_while_its_store_is_dead_and_says_so(story: Story) -> None:
    assert story.health_while_away == {"live": True, "ready": True, "stale": True}
    assert story.answered_while_away > 100


def test_log_is_whole_after_the_store_was_killed(story: Story) -> None:
    log = story.registry.log(DIGITS, PRODUCTION)

    assert audit.verify(story.registry.store, DIGITS, PRODUCTION).findings == ()
    assert [move.card for move in reversed(log)] == [r.card for _, r in story.promoted]
