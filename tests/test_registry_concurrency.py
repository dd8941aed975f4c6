"""Processes that write at once: nothing is lost, nothing is given out twice."""

from pathlib import Path

import pytest

from registry.settings import RegistrySettings, open_registry
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_servers import Server
from tests.registry_workers import promote_in_rounds, publish_many, together

pytest_plugins = ["tests.registry_stores"]

PROCESSES = 16


@pytest.fixture
def directory(tmp_path: Path) -> RegistrySettings:
    return RegistrySettings(store=str(tmp_path / "store"))


def test_800_publishes_make_800_versions_in_a_directory(directory: RegistrySettings) -> None:
    check_publishes(directory, each=50)


def test_concurrent_publishes_make_gapless_versions_on_seaweedfs(
    seaweedfs: Server, tmp_path: Path
) -> None:
    check_publishes(seaweedfs.settings(tmp_path), each=5)


def test_concurrent_publishes_make_gapless_versions_on_moto(moto: Server, tmp_path: Path) -> None:
    check_publishes(moto.settings(tmp_path), each=3)


@pytest.mark.full
@pytest.mark.parametrize("server", ["seaweedfs", "moto"])
def test_800_publishes_make_800_versions_on(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    check_publishes(request.getfixturevalue(server).settings(tmp_path), each=50)


def test_of_16_promotes_one_wins_in_a_directory(directory: RegistrySettings) -> None:
    check_promotes(directory, rounds=50)


def test_of_16_promotes_one_wins_on_seaweedfs(seaweedfs: Server, tmp_path: Path) -> None:
    check_promotes(seaweedfs.settings(tmp_path), rounds=4)


def test_of_16_promotes_one_wins_on_moto(moto: Server, tmp_path: Path) -> None:
    check_promotes(moto.settings(tmp_path), rounds=2)


@pytest.mark.full
def test_of_16_promotes_one_wins_a_thousand_times(directory: RegistrySettings) -> None:
    check_promotes(directory, rounds=1000)


def check_publishes(settings: RegistrySettings, *, each: int) -> None:
    """Distinct gapless numbers, and every card that was returned is the one that is stored."""
    registry = open_registry(settings)
    registry.require_safe_writes()

    told = together(PROCESSES, publish_many, [(settings, n, each) for n in range(PROCESSES)])

    published = dict(version for worker in told for version in worker)
    assert sorted(published) == list(range(1, PROCESSES * each + 1))
    assert registry.versions(DIGITS) == sorted(published, reverse=True)
    for version in range(1, PROCESSES * each + 1, each):
        card = registry.card(DIGITS, version)
        assert card.publish_id == published[version]
        assert registry.fetch(card, "model.onnx").startswith(b"worker ")


def check_promotes(settings: RegistrySettings, *, rounds: int) -> None:
    """In each round one wins, and all the others are told who."""
    registry = open_registry(settings)
    registry.promote(publish(registry, b"first"), PRODUCTION)
    pairs = [
        (publish(registry, b"%d a" % n).version, publish(registry, b"%d b" % n).version)
        for n in range(PROCESSES)
    ]

    told = together(PROCESSES, promote_in_rounds, [(settings, pair, rounds) for pair in pairs])

    winners = []
    for of_round in zip(*told, strict=True):
        [winner] = [version for verdict, version in of_round if verdict == "won"]
        assert [version for _, version in of_round] == [winner] * PROCESSES
        winners.append(winner)
    log = registry.log(DIGITS, PRODUCTION)
    assert [move.card.version for move in reversed(log)][1:] == winners
