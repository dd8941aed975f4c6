"""Bytes that no HTTP client sends, and bodies however they come, to a running service."""

import json
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.drawings import drawing, encoded
from tests.programs import environment, free_port, serving
from training.mnist import Mnist

Port = int

HEAD = b"POST /predict HTTP/1.1\r\nHost: ziffer\r\nConnection: close\r\n"
GET = b"GET %b HTTP/1.1\r\nHost: ziffer\r\nConnection: close\r\n\r\n"
SIZED = b"Content-Length: 784\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PIXELS = bytes(784)
CHUNK = b"310\r\n" + PIXELS + b"\r\n"
END = b"0\r\n\r\n"
GOOD = HEAD + SIZED + b"\r\n" + PIXELS


@pytest.fixture(scope="module")
def port(sample_store: Path) -> Iterator[Port]:
    """Of a service with two workers, which has nothing to complain of in the end."""
    port = free_port()
    env = environment(
        ZIFFER_STORE=sample_store,
        PORT=port,
        ZIFFER_SERVE_WORKERS=2,
        ZIFFER_SERVE_BODY_TIMEOUT_S=1,
        ZIFFER_SERVE_HEADER_TIMEOUT_S=1,
    )
    with serving([sys.executable, "-m", "service"], env) as (_, process):
        yield port
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")


def sent(port: Port, parts: Iterable[bytes], pause_s: float = 0) -> bytes:
    """All that comes back until the service hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)
        except (BrokenPipeError, ConnectionResetError):
            pass  # What comes back may say why.
        return received(connection)


def received(connection: socket.socket) -> bytes:
    answer = bytearray()
    try:
        while part := connection.recv(65_536):
            answer += part
    except ConnectionResetError:
        pass
    return bytes(answer)


def statuses(answer: bytes) -> list[int]:
    """Those of the answers that came one after the other."""
    return [int(rest[2:5]) for rest in answer.split(b"HTTP/1.")[1:]]


def check_that_it_serves(port: Port) -> None:
    assert statuses(sent(port, [GOOD])) == [200]


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400], id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [], id="HTTP/2"),
        pytest.param(b"GET /healthz\r\n\r\n", [400], id="HTTP/0.9"),
        pytest.param(b"GET /healthz HTTP/3.0\r\n\r\n", [400], id="HTTP/3"),
        pytest.param(b"GET  /healthz HTTP/1.1\r\n\r\n", [400], id="two spaces"),
        pytest.param(b"\r\n\r\n\r\nnonsense\r\n\r\n", [400], id="no request line"),
        pytest.param(b"G\0T / HTTP/1.1\r\n\r\n", [400], id="NUL in the method"),
        pytest.param(GET % b"/\xe9", [400], id="path not in UTF-8"),
        pytest.param(GET % b"/healthz?\xe9", [400], id="query not in UTF-8"),
        pytest.param(GET % (b"/" + b"a" * 70_000), [414], id="long address"),
        pytest.param(HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n", [431], id="large header"),
        pytest.param(HEAD + b"X: a\r\n" * 200 + b"\r\n", [431], id="many headers"),
        pytest.param(HEAD + b"X : a\r\n\r\n", [400], id="space before the colon"),
        pytest.param(HEAD + b"X: a\0b\r\n\r\n", [400], id="NUL in a header"),
        pytest.param(HEAD + b"X: a\r\n folded\r\n\r\n", [400], id="folded header"),
        pytest.param(HEAD + b"Content-Length: +784\r\n\r\n" + PIXELS, [400], id="signed length"),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\n", [400], id="negative length"),
        pytest.param(HEAD + b"Content-Length: %b\r\n\r\n" % (b"9" * 5000), [400], id="huge length"),
        pytest.param(HEAD + SIZED + b"Content-Length: 5\r\n\r\n" + PIXELS, [400], id="two lengths"),
        pytest.param(HEAD + SIZED * 2 + b"\r\n" + PIXELS, [200], id="the same length twice"),
        pytest.param(HEAD + b"Transfer-Encoding: gzip\r\n\r\n", [400], id="unknown encoding"),
        pytest.param(HEAD + b"Transfer-Encoding : chunked\r\n\r\n", [400], id="disguised encoding"),
        pytest.param(HEAD + CHUNKED + b"\r\nzz\r\nabc\r\n" + END, [400], id="chunk without size"),
        pytest.param(HEAD + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n", [400], id="chunk too large"),
        pytest.param(HEAD + CHUNKED + b"\r\n310\r\n" + PIXELS[:9], [408], id="chunk that stops"),
        pytest.param(HEAD + SIZED + b"\r\n" + PIXELS[:9], [408], id="body that stops"),
        pytest.param(HEAD + SIZED + CHUNKED + b"\r\n" + CHUNK + END, [200], id="length and chunks"),
        pytest.param(
            HEAD + CHUNKED + b"\r\n310;x=y\r\n" + PIXELS + b"\r\n" + END,
            [200],
            id="chunk extension",
        ),
        pytest.param(HEAD + CHUNKED + b"\r\n" + CHUNK + b"0\r\nX: y\r\n\r\n", [400], id="trailer"),
        pytest.param(
            HEAD + b"Expect: 100-continue\r\n" + SIZED + b"\r\n" + PIXELS,
            [100, 200],
            id="Expect: 100-continue",
        ),
        pytest.param(b"GET /healthz HTTP/1.0\r\n\r\n", [200], id="HTTP/1.0"),
        pytest.param(GET % b"http://elsewhere.example/healthz", [200], id="absolute address"),
        pytest.param(GET % b"//elsewhere.example/healthz", [404], id="address without a scheme"),
        pytest.param(GET % b"/health%7a", [200], id="percent signs that mean something"),
        pytest.param(GET % b"/%zz%ff%00%0d%0a", [404], id="percent signs that mean nothing"),
        pytest.param(GET % b"/page/%2e%2e%2fpage.js", [404], id="way up from a folder"),
        pytest.param(GET % b"/page/..%5c..%5capp.py", [404], id="way up in another system"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [404], id="*"),
        pytest.param(GET.replace(b"GET", b"CONNECT") % b"x:80", [405], id="CONNECT"),
        pytest.param(GET.replace(b"GET", b"INVENTED-1") % b"/healthz", [405], id="invented method"),
    ],
)
def test_bytes_are_answered_in_order(port: Port, request_bytes: bytes, expected: list[int]) -> None:
    answer = sent(port, [request_bytes])

    assert statuses(answer) == expected, answer[:300]
    check_that_it_serves(port)


def test_requests_in_a_row_are_answered_in_their_order(port: Port) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: ziffer\r\n\r\n"
    second = GOOD.replace(b"Connection: close\r\n", b"")

    answer = sent(port, [first + second + first + GOOD])

    assert statuses(answer) == [200] * 4
    assert answer.count(b'"live"') == answer.count(b'"probabilities"') == 2


def test_no_request_hides_in_the_body_of_another(port: Port) -> None:
    """Whoever stands in front may believe the length; we, as RFC 9112 has it, the chunks."""
    head = b"POST /predict HTTP/1.1\r\nHost: ziffer\r\nContent-Length: 4\r\n" + CHUNKED
    hidden = GET % b"/metrics"

    answer = sent(port, [head + b"\r\n%x\r\n%b\r\n" % (len(hidden), hidden) + END])

    assert statuses(answer) == [415]


@pytest.mark.parametrize("name", [b"X-Request-Id", b"Origin", b"X-Routing-Key", b"Traceparent"])
def test_header_of_a_client_adds_none_to_the_answer(port: Port, name: bytes) -> None:
    for value in (
        b"a\r\n Set-Cookie: a=b",
        b"a\rSet-Cookie: a=b",
        b"a%0d%0aSet-Cookie: a=b",
        b"a\xe5\x98\x8d\xe5\x98\x8aSet-Cookie: a=b",
        b"\xff\xfe",
        b"",
    ):
        answer = sent(port, [HEAD + SIZED + name + b": " + value + b"\r\n\r\n" + PIXELS])

        assert statuses(answer) in ([200], [400])
        assert b"\nset-cookie" not in answer.lower()
    check_that_it_serves(port)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_method_is_answered_on_every_route(port: Port, client: FlaskClient, method: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)

    for path in sorted({rule.rule for rule in client.application.url_map.iter_rules()}):
        connection.request(method, path.replace("<", "").replace(">", ""))
        answer = connection.getresponse()

        assert answer.status < 500
        assert answer.headers["X-Request-Id"]
        assert method == "OPTIONS" or answer.read() == b""
        answer.read()
    connection.close()
    check_that_it_serves(port)


@pytest.mark.parametrize("size", [0, 1, 20, len(HEAD), len(GOOD) - 1, len(GOOD)])
def test_client_may_hang_up_at_any_time(port: Port, size: int) -> None:
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(GOOD[:size])
            # Without a word: what is on its way is thrown away.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    check_that_it_serves(port)


def large_picture(digits: Mnist, size_bytes: int) -> bytes:
    """A drawn seven as a BMP file of exactly so many bytes."""
    side = int((size_bytes - 1078) ** 0.5) // 4 * 4
    picture = drawing(digits.test.images[0]).resize((side, side), Image.Resampling.BILINEAR)
    return encoded(picture, "BMP").ljust(size_bytes, b"\0")


def pieces(body: bytes, size_bytes: int) -> list[bytes]:
    return [body[start : start + size_bytes] for start in range(0, len(body), size_bytes)]


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


@pytest.mark.parametrize("size_bytes", [65_535, 65_536, 65_537, 100_000, 1_000_000, 5_900_000])
def test_large_body_is_read_however_it_comes(port: Port, sample: Mnist, size_bytes: int) -> None:
    body = large_picture(sample, size_bytes)
    head = HEAD + b"Content-Length: %d\r\n\r\n" % size_bytes
    chunked = HEAD + CHUNKED + b"\r\n"
    ways: list[tuple[list[bytes], float]] = [
        ([head + body], 0),
        ([head, body], 0.01),
        ([head, body[:-1], body[-1:]], 0.01),
        ([head, *pieces(body, size_bytes // 50)], 0.001),
        ([chunked + chunk(body) + END], 0),
        ([chunked, *map(chunk, pieces(body, size_bytes // 50)), END], 0.001),
        ([chunked + b"".join(map(chunk, pieces(body, 1000))) + END], 0),
    ]

    for parts, pause_s in ways:
        answer = sent(port, parts, pause_s)

        assert statuses(answer) == [200], answer[:300]
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["digit"] == 7


@pytest.mark.parametrize("rest", [b"", CHUNK[:5], CHUNK[:-1], b"nonsense\r\n", b"0\r\n"])
@pytest.mark.parametrize("size_bytes", [784, 784 * 100])
def test_part_of_a_body_in_chunks_is_not_taken_for_the_whole(
    port: Port, size_bytes: int, rest: bytes
) -> None:
    """Where it breaks off, what has come may well be images."""
    head = (
        HEAD.replace(b"/predict", b"/invocations") + b"Content-Type: application/octet-stream\r\n"
    )

    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head + CHUNKED + b"\r\n" + chunk(bytes(size_bytes)) + rest)
        connection.shutdown(socket.SHUT_WR)
        answer = received(connection)

    assert statuses(answer) == [400]
    assert b"/errors/incomplete-body" in answer


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_over_the_limit_is_refused_and_the_answer_arrives(
    port: Port, *, is_chunked: bool
) -> None:
    body = bytes(6_000_001)
    head = CHUNKED if is_chunked else b"Content-Length: %d\r\n" % len(body)
    content = chunk(body) + END if is_chunked else body

    answer = sent(port, [HEAD + head + b"\r\n", content])

    assert statuses(answer) == [413]
    check_that_it_serves(port)
