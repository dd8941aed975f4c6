import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry.access_log import AccessLog, LineFormat
from service.telemetry.exchange import Exchange
from service.telemetry.log_sink import LONGEST_LINE, LogSink
from service.telemetry.tracing import Trace
from tests.telemetry_processes import done, fork

SECRET = "s3cr3t"  # noqa: S105 - it is none

# Any text that a server may pass on: PEP 3333 has one character for each byte.
TEXT = st.text(st.characters(max_codepoint=255), max_size=2000)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def exchange(**fields: object) -> Exchange:
    answered = Exchange("POST", "0f3a")
    vars(answered).update({"route": "/predict", "status": 200, "seconds": 0.0012345, "sent": 477})
    vars(answered).update(fields)
    return answered


def environ(**variables: str) -> dict[str, Any]:
    return {
        "PATH_INFO": "/predict",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_LENGTH": "784",
    } | variables


def logged(
    path: Path, answered: Exchange, request: dict[str, Any], line_format: LineFormat = "json"
) -> str:
    """The line that is logged of a request."""
    with path.open("wb") as file, closing(AccessLog(line_format, descriptor=file.fileno())) as log:
        log.write(answered, request)
    return path.read_text()


def test_line_says_what_was_answered(tmp_path: Path) -> None:
    seven = np.eye(10, dtype=np.float32)[7]
    answered = exchange(version=3, probabilities=[seven], trace=Trace("a" * 32, "b" * 16))

    line = json.loads(logged(tmp_path / "log", answered, environ(HTTP_USER_AGENT="curl/8.5")))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "request_id": "0f3a",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "method": "POST",
        "route": "/predict",
        "path": "/predict",
        "status": 200,
        "duration_ms": 1.234,
        "bytes_in": 784,
        "bytes_out": 477,
        "client": "192.0.2.7",
        "user_agent": "curl/8.5",
        "model_version": 3,
        "images": 1,
        "digit": 7,
    }


@pytest.mark.parametrize(("status", "level"), [(304, "info"), (404, "warning"), (500, "error")])
def test_level_follows_the_status(tmp_path: Path, status: int, level: str) -> None:
    answered = exchange(status=status, error="some-kind", rejected=["blank"])

    line = json.loads(logged(tmp_path / "log", answered, environ()))

    assert (line["level"], line["error"], line["rejected"]) == (level, "some-kind", "blank")


def test_text_is_one_line_for_people(tmp_path: Path) -> None:
    answered = exchange(status=404, error="not-found")

    line = logged(tmp_path / "log", answered, environ(HTTP_USER_AGENT='a "b" c'), "text")

    assert re.match(r"\S+Z warning POST /predict 404 request_id=0f3a ", line)
    assert r'user_agent="a \"b\" c" error=not-found' in line


def test_path_in_a_line_of_text_passes_for_nothing_else(tmp_path: Path) -> None:
    line = logged(tmp_path / "log", exchange(), environ(PATH_INFO="/x 200 digit=3"), "text")

    assert '"/x 200 digit=3"' in line


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_nothing_that_may_be_secret_is_logged(tmp_path: Path, line_format: LineFormat) -> None:
    request = environ(
        QUERY_STRING=f"key={SECRET}",
        HTTP_AUTHORIZATION=f"Bearer {SECRET}",
        HTTP_X_API_KEY=SECRET,
        HTTP_COOKIE=SECRET,
        HTTP_REFERER=f"https://example.com/?{SECRET}",
        HTTP_PROXY_AUTHORIZATION=SECRET,
    )

    assert SECRET not in logged(tmp_path / "log", exchange(), request, line_format)


@given(path=TEXT, agent=TEXT, method=TEXT, line_format=st.sampled_from(["json", "text"]))
def test_client_cannot_write_lines_or_command_terminals(
    tmp_path_factory: pytest.TempPathFactory,
    path: str,
    agent: str,
    method: str,
    line_format: LineFormat,
) -> None:
    log = tmp_path_factory.getbasetemp() / "log"
    request = environ(PATH_INFO=f"/{path}", HTTP_USER_AGENT=agent)

    line = logged(log, exchange(method=method), request, line_format)

    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert len(line.encode()) <= LONGEST_LINE


def test_path_is_shown_as_it_was_meant(tmp_path: Path) -> None:
    path = "/zwölf".encode().decode("latin-1")

    assert (
        json.loads(logged(tmp_path / "log", exchange(), environ(PATH_INFO=path)))["path"]
        == "/zwölf"
    )


def test_reader_that_stalls_holds_up_nobody(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lost = []
    with closing(AccessLog("json", descriptor=writer, lost=lambda: lost.append(1))) as log:
        for _ in range(1000):
            log.write(exchange(), environ())

    os.set_blocking(reader, False)
    lines = os.read(reader, 1 << 20).splitlines(keepends=True)
    assert lost
    assert len(lines) + len(lost) == 1000
    assert all(json.loads(line)["status"] == 200 for line in lines)
    assert os.get_blocking(writer)  # What others write there waits as before.


def test_reader_that_is_gone_harms_nobody(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    with closing(LogSink(writer)) as sink, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), reader)

        assert not sink.write(b"line\n")


def test_pipe_of_another_user_holds_up_nobody(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    with closing(LogSink(pipe[1])) as sink:
        assert not all(sink.write(b"a line of the log\n") for _ in range(10_000))


def test_socket_that_is_full_holds_up_nobody() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, closing(LogSink(ours.fileno())) as sink:
        assert not all(sink.write(b"a line of the log\n") for _ in range(100_000))
        assert ours.getblocking()


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file, closing(LogSink(file.fileno())) as sink:

        def work(letter: bytes) -> None:
            for _ in range(200):
                sink.write(letter * 500 + b"\n")

        children = [fork(partial(work, letter)) for letter in (b"a", b"b", b"c")]
        for child in children:
            done(child)

    lines = log.read_bytes().splitlines()
    assert sorted(lines) == sorted([letter * 500 for letter in (b"a", b"b", b"c")] * 200)
