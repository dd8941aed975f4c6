"""A model trained on the sample, a service that serves it, and a browser."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect, sync_playwright

from registry.settings import RegistrySettings
from service.app import create_app
from service.models.classifier import Classifier
from service.models.served import Models
from service.settings import ServiceSettings
from tests import programs
from training import mnist
from training.mnist import Mnist
from training.sources import Directory, obtain

# A busy machine is no failure.
hypothesis.settings.register_profile("ziffer", deadline=None)
hypothesis.settings.load_profile("ziffer")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Train within the tests as the program does: threads that wait for each other are slow."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sample() -> Mnist:
    """600 digits to train on and 200 to test on."""
    lines = (programs.SAMPLE / "SHA256SUMS").read_text().splitlines()
    checksums = {name: digest for digest, name in (line.split() for line in lines)}
    directory = Directory(programs.SAMPLE)
    return mnist.parse(obtain(checksums, [directory], directory, report=pytest.fail))


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry in which `production` names a model that was trained on the sample."""
    store = tmp_path_factory.mktemp("registry")
    env = programs.environment(ZIFFER_STORE=store, **programs.QUICK_RECIPE)
    training = programs.run("training", env=env)
    assert training.returncode == 0, training.stderr
    return store


@pytest.fixture(scope="session")
def models(sample_store: Path) -> Models:
    """Of the sample's registry, loaded once; tests that change something make their own."""
    models = Models(ServiceSettings(registry=RegistrySettings(store=str(sample_store))))
    models.prepare()
    return models


@pytest.fixture(scope="session")
def classifier(models: Models) -> Classifier:
    return models.choose()


@pytest.fixture
def client(models: Models) -> FlaskClient:
    """A client of the application within this process."""
    return create_app(ServiceSettings(max_body_bytes=2_000_000), models).test_client()


@pytest.fixture(scope="session")
def service_url(sample_store: Path) -> Iterator[str]:
    """A running service."""
    env = programs.environment(ZIFFER_STORE=sample_store, PORT=programs.free_port())
    with programs.serving([sys.executable, "-m", "service"], env) as (url, _):
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        # Continuous integration must look at the page.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium is installed")
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
                "--use-fake-device-for-media-stream",
            ],
        )
        yield browser
        browser.close()
