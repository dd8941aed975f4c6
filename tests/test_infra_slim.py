"""The service works from what `infra.slim` leaves of its packages."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from infra.slim import size_bytes, slim
from tests.programs import ROOT, environment, free_port, serving
from tests.registry_servers import Server

pytestmark = pytest.mark.full
pytest_plugins = ["tests.registry_stores"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the packages that requirements/service.txt names, slimmed."""
    directory = tmp_path_factory.mktemp("site-packages")
    for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements/service.txt").read_text(), re.M):
        for file in distribution(name).files or ():
            if ".." not in file.parts:  # Programs, which lie elsewhere.
                target = directory / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.locate(), target)
    slim(directory)
    return directory


def test_what_is_left_is_small(packages: Path) -> None:
    assert size_bytes(packages) <= 165e6


def test_what_is_left_reads_a_picture(packages: Path, sample_store: Path) -> None:
    env = environment(PYTHONPATH=packages, ZIFFER_STORE=sample_store, PORT=free_port())

    # -S: the packages of the environment in which this test runs are not to be seen.
    with serving([sys.executable, "-S", "-m", "service"], env) as (url, _):
        picture = f"@{ROOT}/docs/digits/7.png"
        command = ["curl", "--silent", "--fail", "--data-binary", picture, f"{url}/predict"]
        answer = subprocess.run(command, capture_output=True, check=True).stdout

    assert b'"digit":7' in answer


def test_what_is_left_reaches_a_bucket(packages: Path, moto: Server, tmp_path: Path) -> None:
    settings = moto.settings(tmp_path)
    env = environment(
        PYTHONPATH=packages,
        ZIFFER_STORE=settings.store,
        ZIFFER_S3_ENDPOINT_URL=moto.endpoint,
        ZIFFER_S3_PATH_STYLE="true",
        AWS_ACCESS_KEY_ID="id",
        AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106 - moto does not look
        AWS_DEFAULT_REGION="us-east-1",
    )

    program = (
        "import sys; from registry.settings import *; "
        f"open_store(RegistrySettings(store={settings.store!r}, "
        f"s3_endpoint_url={moto.endpoint!r})).put('a', b''); "
        "sys.exit('boto3' not in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, env=env, check=False)

    assert ended.returncode == 0
