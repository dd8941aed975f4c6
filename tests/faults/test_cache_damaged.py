"""Whatever is done to the cache of a bucket, the service answers by the right model, or not."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from registry import keys
from registry.card import DraftCard
from registry.settings import open_registry
from tests import programs
from tests.faults.models import Release, publish_distinct
from tests.faults.traffic import answered_by
from tests.programs import environment, free_port, serving
from tests.registry_examples import PRODUCTION
from tests.registry_servers import Server
from tests.test_service_follower import variables
from training.mnist import Mnist

pytestmark = pytest.mark.faults


class Bucket(NamedTuple):
    """A bucket with two models, and a cache that has both."""

    env: Mapping[str, str]
    cache: Path
    promoted: Release
    other: Release

    def file(self, release: Release) -> Path:
        return self.cache / keys.blob(release.digest)


@pytest.fixture(scope="module")
def bucket(
    moto: Server,
    draft: DraftCard,
    sample: Mnist,
    images: NDArray[np.uint8],
    tmp_path_factory: pytest.TempPathFactory,
) -> Bucket:
    cache = tmp_path_factory.mktemp("cache")
    settings = moto.settings(cache)
    registry = open_registry(settings)
    other, promoted = publish_distinct(registry, draft, sample.test, images, 2)
    for release in (other, promoted):
        registry.promote(release.card, PRODUCTION)
        registry.resolve("digits", PRODUCTION)
        for name in release.card.files:
            registry.fetch(release.card, name)
    return Bucket(environment(**variables(settings), PORT=free_port()), cache, promoted, other)


def flip_a_bit(file: Path, _: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_off(file: Path, _: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(file: Path, _: Path) -> None:
    os.truncate(file, 0)


def put_another_model_there(file: Path, other: Path) -> None:
    shutil.copyfile(other, file)


def link_to_another_model(file: Path, other: Path) -> None:
    file.unlink()
    file.symlink_to(other)


def put_a_directory_there(file: Path, _: Path) -> None:
    file.unlink()
    file.mkdir()


def link_to_itself(file: Path, _: Path) -> None:
    file.unlink()
    file.symlink_to(file)


DAMAGES: list[Callable[[Path, Path], None]] = [
    flip_a_bit,
    cut_off,
    empty,
    put_another_model_there,
    link_to_another_model,
    put_a_directory_there,
    link_to_itself,
]
EVERY_DAMAGE = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


@pytest.fixture
def damaged(bucket: Bucket, tmp_path: Path) -> Bucket:
    """The same with a cache of its own, to be damaged."""
    cache = Path(shutil.copytree(bucket.cache, tmp_path / "cache"))
    return bucket._replace(cache=cache, env={**bucket.env, "ZIFFER_CACHE_DIR": str(cache)})


@EVERY_DAMAGE
def test_damaged_model_in_the_cache_is_fetched_again(
    damage: Callable[[Path, Path], None], damaged: Bucket, images: NDArray[np.uint8]
) -> None:
    damage(damaged.file(damaged.promoted), damaged.file(damaged.other))

    with serving([sys.executable, "-m", "service"], damaged.env) as (url, _):
        assert answered_by(url, images[0].tobytes()) == damaged.promoted.digest


@EVERY_DAMAGE
def test_damaged_model_in_the_cache_never_serves_while_the_store_is_away(
    damage: Callable[[Path, Path], None], damaged: Bucket
) -> None:
    damage(damaged.file(damaged.promoted), damaged.file(damaged.other))

    service = without_store(damaged)

    assert service.returncode == 1
    assert "cannot reach s3://" in service.stderr
    assert "Traceback" not in service.stderr


@EVERY_DAMAGE
def test_damaged_last_target_is_not_believed(
    damage: Callable[[Path, Path], None], damaged: Bucket
) -> None:
    (last,) = damaged.cache.rglob(f"digits@{PRODUCTION}.json")
    damage(last, damaged.file(damaged.other))

    service = without_store(damaged)

    assert service.returncode == 1
    assert "cannot reach s3://" in service.stderr


def without_store(bucket: Bucket) -> subprocess.CompletedProcess[str]:
    """A service that is expected not to start."""
    return programs.run("service", env=cut_off_from_store(bucket))


def cut_off_from_store(bucket: Bucket) -> dict[str, str]:
    """The store's address stays, as the cache goes by that; but a proxy is asked that is none."""
    return {**bucket.env, "http_proxy": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def test_sound_cache_serves_while_the_store_is_away(
    damaged: Bucket, images: NDArray[np.uint8]
) -> None:
    with serving([sys.executable, "-m", "service"], cut_off_from_store(damaged)) as (url, _):
        assert answered_by(url, images[0].tobytes()) == damaged.promoted.digest
