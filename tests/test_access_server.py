"""Keys and limits of a running service with several worker processes."""

import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlsplit

import pytest

from service.access.__main__ import main
from tests.programs import environment, free_port, serving, until

SERVICE = [sys.executable, "-m", "service"]


def ask(url: str, key: str = "") -> HTTPResponse:
    """Predict over a connection of its own, which any of the workers may take."""
    address = urlsplit(url)
    assert address.hostname
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        connection.request("POST", "/predict", bytes(784), headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_two_workers_share_one_limit(sample_store: Path) -> None:
    env = environment(
        ZIFFER_STORE=sample_store,
        PORT=free_port(),
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_RATE_LIMIT=0.001,
        ZIFFER_SERVE_RATE_BURST=25,
    )

    with serving(SERVICE, env) as (url, _), ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: ask(url).status, range(100)))

    assert (statuses.count(200), statuses.count(429)) == (25, 75)


def test_running_service_follows_its_keys(
    sample_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.toml"
    first, second = (made(file, name, capsys) for name in ("first", "second"))
    both = file.read_text()
    only_first = both[: both.index("[second]")]
    file.write_text(only_first)
    env = environment(
        ZIFFER_STORE=sample_store,
        PORT=free_port(),
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_API_KEYS=file,
    )

    with serving(SERVICE, env) as (url, process):
        assert [ask(url, key).status for key in ("", first, second)] == [401, 200, 401]

        file.write_text(both)
        until(lambda: all_workers(url, second, 200))
        assert all_workers(url, first, 200)

        file.write_text("[damaged")
        with ThreadPoolExecutor(1) as reader:
            said = reader.submit(line_with, "the API keys stay as they were", process)
            until(lambda: not all_workers(url, second, 200) or said.done())
        assert f"{file} is not valid TOML" in said.result()
        assert all_workers(url, second, 200)

        file.write_text(only_first)
        until(lambda: all_workers(url, second, 401))
        assert all_workers(url, first, 200)


def line_with(text: str, process: Popen[str]) -> str:
    assert process.stdout
    return next(line for line in process.stdout if text in line)


def all_workers(url: str, key: str, status: int) -> bool:
    """Whether none of many connections is answered with anything else."""
    return all(ask(url, key).status == status for _ in range(12))


def made(file: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["new", name, "--scope", "predict", "--file", str(file)]) == 0
    return capsys.readouterr().out.strip()
