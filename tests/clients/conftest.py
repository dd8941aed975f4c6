"""Others' clients, unmodified, against a running service; `make test-clients` runs them.

They live in environments of their own, without torch and without most of the project: the service
is trained and run by the project's interpreter.
"""

import gzip
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.programs import QUICK_RECIPE, ROOT, SAMPLE, environment, free_port, serving

PYTHON = str(ROOT / ".venv/bin/python")

_NEEDED = {
    "test_kserve.py": "kserve",
    "test_mlserver.py": "mlserver",
    "test_open_inference.py": "open_inference",
    "test_pytriton.py": "pytriton",
    "test_schemathesis.py": "schemathesis",
    "test_tritonclient.py": "tritonclient",
}
collect_ignore = [file for file, package in _NEEDED.items() if find_spec(package) is None]


class Guarded(NamedTuple):
    """A service that asks for API keys."""

    address: str
    """Without the scheme, as most clients want it."""
    headers: dict[str, str]
    """With a key that may administer."""


def project(*arguments: object, **variables: object) -> str:
    """What a program of the project prints."""
    done = subprocess.run(
        [PYTHON, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a model that was trained on the sample."""
    store = tmp_path_factory.mktemp("registry")
    project("training", ZIFFER_STORE=store, **QUICK_RECIPE)
    return store


@pytest.fixture(scope="session")
def url(store: Path) -> Iterator[str]:
    """A running service that everybody may ask."""
    env = environment(ZIFFER_STORE=store, PORT=free_port())
    with serving([PYTHON, "-m", "service"], env) as (url, _):
        yield url


@pytest.fixture(scope="session")
def address(url: str) -> str:
    """Its host and port."""
    return url.removeprefix("http://")


@pytest.fixture(scope="session")
def guarded(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A service with keys, two workers and an administrator."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    scopes = ("--scope", "admin", "--scope", "predict")
    key = project("service.access", "new", "tester", *scopes, "--file", keys).strip()
    env = environment(
        ZIFFER_STORE=store,
        PORT=free_port(),
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_API_KEYS=keys,
    )
    with serving([PYTHON, "-m", "service"], env) as (url, _):
        yield Guarded(url.removeprefix("http://"), {"Authorization": f"Bearer {key}"})


@pytest.fixture(scope="session")
def images() -> Any:  # noqa: ANN401 - the project's own environment has no need of this numpy
    """Of the sample's test images uint8 [N, 28, 28] a few; the first is a seven."""
    import numpy as np

    content = gzip.decompress((SAMPLE / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)[:8]
