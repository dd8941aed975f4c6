"""What the image's HEALTHCHECK tells of the service."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from registry.configuration import settings_of
from service.health_check import PORTS
from service.settings import ServiceSettings
from tests.programs import ROOT, environment, free_port


def status(**variables: object) -> int:
    command = [sys.executable, "-m", "service.health_check"]
    return subprocess.run(command, cwd=ROOT, env=environment(**variables), check=False).returncode


@pytest.mark.parametrize("variable", PORTS)
def test_healthy_service_is_found_by_its_port(service_url: str, variable: str) -> None:
    assert status(**{variable: urlsplit(service_url).port}) == 0


def test_nobody_is_not_healthy() -> None:
    assert status(PORT=free_port()) == 1


def test_port_is_looked_for_as_the_service_does() -> None:
    [port] = [leaf for leaf in settings_of(ServiceSettings) if leaf.flag == "--port"]

    assert port.variables == PORTS
