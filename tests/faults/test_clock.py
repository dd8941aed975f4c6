"""The wall clock jumps: only what is about dates may mind."""

import os
import shutil
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from registry import audit
from registry.settings import RegistrySettings, open_registry
from tests import programs
from tests.programs import environment, free_port, serving, until
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_servers import SeaweedFS
from tests.service_models import Releases
from tests.test_access_server import ask as ask_with_key
from tests.test_access_server import made
from tests.test_service_follower import ask, variables

pytestmark = pytest.mark.faults


_DAY_S = 24 * 3600


class Clock:
    """The wall clock of processes that are started with `environment`."""

    def __init__(self, library: Path, offset: Path) -> None:
        """It is right at first."""
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(offset)}
        self._offset = offset
        offset.write_bytes(bytes(8))

    def set_off(self, days: int) -> None:
        """From now on it is ahead by so many days."""
        with self._offset.open("r+b") as file:
            file.write((days * _DAY_S).to_bytes(8, sys.byteorder, signed=True))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What sets the clock of the process that loads it."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        # Continuous integration must have one.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "setting the clock of a process takes Linux and a C compiler"
        )
    library = tmp_path_factory.mktemp("clock") / "wall_clock.so"
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O", "-o", library, source], check=True)
    return library


@pytest.fixture
def clock(library: Path, tmp_path: Path) -> Clock:
    return Clock(library, tmp_path / "offset")


def test_service_minds_no_jump_of_the_clock(
    clock: Clock, sample_store: Path, tmp_path: Path
) -> None:
    store = RegistrySettings(store=str(tmp_path / "registry"))
    releases = Releases(
        open_registry(store), open_registry(RegistrySettings(store=str(sample_store)))
    )
    releases.release()
    env = environment(
        ZIFFER_STORE=store.store,
        PORT=free_port(),
        ZIFFER_SERVE_FOLLOW_INTERVAL_S=0.05,
        ZIFFER_SERVE_RATE_LIMIT=0.001,
        ZIFFER_SERVE_RATE_BURST=6,
    )
    told = []

    with serving([sys.executable, "-m", "service"], env | clock.environment) as (url, _):
        for jump in (400, -400, 0):
            clock.set_off(jump)
            version = releases.release().version
            until(lambda: serves(url, version))  # noqa: B023 - called before it changes
            told.append(ask_with_key(url).headers["X-Model-Version"])
            assert ask(url, "/healthz") == {"live": True, "ready": True}
        statuses = [ask_with_key(url).status for _ in range(10)]

    assert told == ["2", "3", "4"]
    # Three of six were taken; no jump has given any back, or taken more.
    assert statuses == [200] * 3 + [429] * 7


def serves(url: str, version: int) -> bool:
    """Whether that is what the alias names, as far as the service knows; no limit is on asking."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:  # noqa: S310 - our own
        lines = answer.read().decode().splitlines()
    return any(
        line.startswith("ziffer_model_info{") and f'version="{version}"' in line for line in lines
    )


def test_key_is_in_force_by_the_clock(
    clock: Clock, sample_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A date means a date: a clock that is wrong ends keys early or late, until it is right."""
    file = tmp_path / "keys.toml"
    key = made(file, "kiosk", capsys)
    entry = file.read_text()
    file.write_text(entry.replace("scopes", "expires = 2099-01-01T00:00:00Z\nscopes"))
    env = environment(ZIFFER_STORE=sample_store, PORT=free_port(), ZIFFER_SERVE_API_KEYS=file)

    with serving([sys.executable, "-m", "service"], env | clock.environment) as (url, _):
        before = ask_with_key(url, key).status
        clock.set_off(100 * 365)
        after = ask_with_key(url, key).status
        clock.set_off(0)
        again = ask_with_key(url, key).status

    assert (before, after, again) == (200, 401, 200)


def test_log_is_in_order_whatever_the_writers_clocks_say(
    clock: Clock, sample_store: Path, tmp_path: Path
) -> None:
    registry = open_registry(RegistrySettings(store=str(tmp_path / "registry")))
    releases = Releases(registry, open_registry(RegistrySettings(store=str(sample_store))))
    for _ in range(2):
        releases.publish()
    env = environment(ZIFFER_STORE=tmp_path / "registry") | clock.environment

    for jump, version in [(0, 1), (400, 2), (-400, 1), (0, 2)]:
        clock.set_off(jump)
        done = programs.run("registry", "promote", version, env=env)
        assert done.returncode == 0, done.stderr

    log = registry.log(DIGITS, PRODUCTION)
    assert [move.card.version for move in reversed(log)] == [1, 2, 1, 2]
    assert [move.at for move in log] == sorted((move.at for move in log), reverse=True)
    assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()
    in_between = log[-1].at + timedelta(days=1)
    assert registry.as_of(DIGITS, PRODUCTION, in_between) == log[-1]


@pytest.mark.parametrize("jump", [400, -400])
@pytest.mark.parametrize("command", [("registry", "list"), ("service",)], ids=lambda c: c[0])
def test_clock_that_a_bucket_does_not_accept_is_named(
    command: tuple[str, ...], jump: int, clock: Clock, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    clock.set_off(jump)
    settings = seaweed.server.settings(tmp_path / "cache")

    done = programs.run(*command, env=environment(**variables(settings)) | clock.environment)

    assert done.returncode == 1
    assert "this machine's clock is off" in done.stderr
    assert "Traceback" not in done.stderr
