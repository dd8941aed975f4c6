"""The network to the store is slow, loses connections, or goes silent."""

import sys
import time
import urllib.error
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from registry.card import DraftCard
from registry.errors import StoreUnavailableError
from registry.probe import remember
from registry.settings import open_registry
from registry.store import Guarantee
from tests.faults.models import publish_distinct
from tests.faults.network import network
from tests.faults.traffic import Traffic, answered_by
from tests.faults.writers import (
    acknowledged,
    await_acknowledged,
    check_nothing_is_lost,
    writing,
)
from tests.programs import environment, free_port, serving, until
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_servers import BUCKET, SeaweedFS
from tests.test_service_follower import ask, variables
from training.mnist import Mnist

pytestmark = pytest.mark.faults


def test_nothing_acknowledged_is_lost_on_a_slow_and_lossy_network(
    seaweed: SeaweedFS, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    with network(seaweed.server) as between:
        settings = between.front.settings(tmp_path / "cache", s3_timeout_s=2)
        remember(tmp_path / "cache", f"{between.front.endpoint} {BUCKET}", Guarantee.FULL)
        between.longest_delay_s, between.loss = 0.02, 0.05

        with writing(settings, notes):
            until(lambda: len(list(notes.iterdir())) == 3)
            await_acknowledged(notes, 12)

        between.longest_delay_s, between.loss = 0, 0
        check_nothing_is_lost(open_registry(settings), acknowledged(notes))


def test_nobody_waits_for_a_store_that_is_silent(
    seaweed: SeaweedFS,
    draft: DraftCard,
    sample: Mnist,
    images: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    own = seaweed.server.settings(tmp_path / "own")
    registry = open_registry(own)
    first, second, third = publish_distinct(registry, draft, sample.test, images)
    registry.promote(first.card, PRODUCTION)
    with network(seaweed.server) as between:
        seen = own.model_copy(
            update={
                "s3_endpoint_url": between.front.endpoint,
                "s3_timeout_s": 2,
                "cache_dir": tmp_path / "cache",
            }
        )
        env = environment(**variables(seen), PORT=free_port(), ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.05)
        with serving([sys.executable, "-m", "service"], env) as (url, _):
            between.longest_delay_s = 0.02
            registry.promote(second.card, PRODUCTION)
            until(lambda: answered_by(url, images[0].tobytes()) == second.digest)

            between.is_silent = True
            until(lambda: between.waiting > 0)
            traffic = Traffic(url, images)
            with traffic.running():  # All the while that a request to the store hangs.
                began_s = time.monotonic()
                until(lambda: len(traffic.digests_since(began_s)) > 100)
                until(lambda: "stale" in ask(url, "/healthz"))
                with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                    ask(url, "/v2/models/digits/versions/3")
                refused.value.close()
            registry.promote(third.card, PRODUCTION)
            between.is_silent = False
            until(lambda: answered_by(url, images[0].tobytes()) == third.digest)
            assert ask(url, "/healthz") == {"live": True, "ready": True}

    assert {answer.status for answer in traffic.answers} == {200}
    assert {answer.digest for answer in traffic.answers} == {second.digest}


def test_silent_store_is_an_error_in_time(seaweed: SeaweedFS, tmp_path: Path) -> None:
    with network(seaweed.server) as between:
        between.is_silent = True
        registry = open_registry(between.front.settings(tmp_path, s3_timeout_s=0.2))

        with pytest.raises(StoreUnavailableError, match="cannot reach s3://"):
            registry.resolve(DIGITS, PRODUCTION)
        with pytest.raises(StoreUnavailableError, match="cannot reach s3://"):
            registry.versions(DIGITS)
