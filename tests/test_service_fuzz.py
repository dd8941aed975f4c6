"""Whatever a client sends, on any route, is answered in order: no request is a fault."""

import gzip
import json
import random
import struct
import zlib
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from service.access.__main__ import main as access
from service.access.gate import OPEN_PATHS, OPEN_PREFIXES
from service.app import create_app
from service.models.served import Models
from service.protocols.openapi.kinds import KINDS
from service.settings import ServiceSettings
from service.vision.decode import FORMATS
from tests.any_request import (
    DEEP,
    METHODS,
    AnyRequest,
    Anything,
    animations,
    anything,
    damaged,
    genuine,
    image_files,
    path_of,
    usual_method,
)

NEAR_LIMITS = {"max_body_bytes": 1_000_000, "max_batch": 3, "max_image_pixels": 1_000_000}
"""So that little work is enough to meet them."""


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: Headers
    body: bytes


@pytest.fixture(scope="module")
def app(models: Models) -> Flask:
    """With every route there is."""
    vertex = {"vertex_health_route": "/vertex/health", "vertex_predict_route": "/vertex/predict"}
    return create_app(ServiceSettings(**NEAR_LIMITS, **vertex), models)


@pytest.fixture(scope="module")
def guarded(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """With all that may stand before the routes, and a key that nobody knows."""
    file = tmp_path_factory.mktemp("access") / "keys.toml"
    assert access(["new", "nobody", "--scope", "admin", "--file", str(file)]) == 0
    options = ServiceSettings(
        api_keys=file,
        metrics_need_key=True,
        cors_origins="https://example.org",
        trusted_proxies=1,
        **NEAR_LIMITS,
    )
    return create_app(options, models)


@pytest.fixture(scope="module")
def limited(models: Models) -> Flask:
    """With a limit of requests that will not be met, and addresses to count them by."""
    options = ServiceSettings(rate_limit=1e6, rate_burst=1_000_000, trusted_proxies=1)
    return create_app(options, models)


def ask(app: Flask, request: AnyRequest) -> Answered:
    chunks, status, headers = run_wsgi_app(app, request.environ, buffered=True)
    return Answered(int(status.split()[0]), headers, b"".join(chunks))


def checked(app: Flask, request: AnyRequest) -> Answered:
    """The answer, which is in order, whatever it says."""
    answer = ask(app, request)
    assert answer.status < 500 or (answer.status == 503 and "Retry-After" in answer.headers), answer
    assert len(answer.headers.getlist("X-Request-Id")) == 1
    assert all(text.isprintable() for header in answer.headers for text in header)
    assert b"Traceback" not in answer.body
    location = answer.headers.get("Location", "/")
    assert not location.startswith(("//", "http"))
    if request.method == "HEAD":
        assert answer.body == b""
    elif answer.status not in {204, 304}:
        assert answer.headers["Content-Length"] == str(len(answer.body))
        if answer.status >= 400:
            check_error(answer)
    return answer


def check_error(answer: Answered) -> None:
    """The house's body of errors."""
    problem = json.loads(answer.body)
    assert answer.headers["Content-Type"] in {"application/json", "application/problem+json"}
    assert problem["status"] == answer.status
    assert 0 < len(problem["error"]) < 1000
    assert len(answer.body) < 10_000
    assert problem["type"].removeprefix("/errors/") in KINDS
    assert problem["request_id"] == answer.headers["X-Request-Id"]


def check_all_routes(app: Flask, sent: Anything) -> None:
    for rule in app.url_map.iter_rules():
        first, second = checked(app, sent.to(rule)), checked(app, sent.to(rule))

        assert first.status == second.status, rule


@settings(max_examples=200)
@given(anything())
def test_no_request_is_a_fault_of_the_service(app: Flask, sent: Anything) -> None:
    check_all_routes(app, sent)


@pytest.mark.full
@settings(max_examples=3_000)
@given(anything())
def test_none_of_many_requests_is_a_fault_of_the_service(app: Flask, sent: Anything) -> None:
    check_all_routes(app, sent)


@settings(max_examples=20)
@given(anything())
def test_no_request_is_a_fault_where_requests_are_counted(limited: Flask, sent: Anything) -> None:
    check_all_routes(limited, sent)


@settings(max_examples=50)
@given(anything())
def test_no_disguise_leads_past_the_keys(guarded: Flask, sent: Anything) -> None:
    for rule in guarded.url_map.iter_rules():
        request = sent.to(rule)
        answer = checked(guarded, request)

        is_open = request.path in OPEN_PATHS or request.path.startswith(OPEN_PREFIXES)
        is_preflight = "Access-Control-Request-Method" in request.headers and answer.status == 204
        assert answer.status == 401 or is_open or is_preflight, request


@pytest.mark.parametrize("name", [*image_files()])
def test_picture_in_each_format_of_pillow_is_read_or_refused(app: Flask, name: str) -> None:
    content = image_files()[name]
    headers = {"Content-Type": f"image/{name.lower()}", "Content-Length": str(len(content))}

    answer = checked(app, AnyRequest("POST", "/predict", "", headers, content))

    # A picture of several in MPO begins with a JPEG file.
    assert answer.status == (200 if name in {*FORMATS, "MPO"} else 415)


def test_formats_that_are_tried_are_those_that_matter() -> None:
    assert {*FORMATS, "TIFF", "ICO", "PPM", "TGA", "JPEG2000", "PDF", "EPS"} <= {*image_files()}


@settings(max_examples=200)
@given(
    damaged([*image_files().values(), *animations()]),
    st.sampled_from(["/predict", "/read", "/invocations"]),
)
def test_damaged_picture_is_read_or_refused(app: Flask, content: bytes, path: str) -> None:
    headers = {"Content-Type": "image/png", "Content-Length": str(len(content))}

    answer = checked(app, AnyRequest("POST", path, "explain=true", headers, content))

    assert answer.status in {200, 400, 413, 415}


def with_huge_size(name: str) -> bytes:
    """A small file whose head says 65,000 by 65,000 pixels, or as many as the format has."""
    content = bytearray(image_files()[name])
    if name == "PNG":
        struct.pack_into(">II", content, 16, 65_000, 65_000)
        struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    elif name == "GIF":
        struct.pack_into("<HH", content, 6, 65_000, 65_000)
    elif name == "BMP":
        struct.pack_into("<ii", content, 18, 65_000, 65_000)
    elif name == "JPEG":
        struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, 65_000, 65_000)
    else:
        assert content[12:16] == b"VP8 "
        struct.pack_into("<HH", content, 26, 16_383, 16_383)
    return bytes(content)


@pytest.mark.parametrize("name", FORMATS)
def test_absurd_size_is_refused_before_it_is_believed(app: Flask, name: str) -> None:
    content = with_huge_size(name)
    headers = {"Content-Length": str(len(content))}

    assert checked(app, AnyRequest("POST", "/read", "", headers, content)).status == 413


def posts(app: Flask) -> list[str]:
    rules = app.url_map.iter_rules()
    return [path_of(rule) for rule in rules if usual_method(rule) == "POST"]


def test_deep_json_is_refused_on_every_route(app: Flask) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(DEEP))}

    for path in posts(app):
        assert checked(app, AnyRequest("POST", path, "", headers, DEEP)).status in {400, 403, 415}


def test_body_that_grows_is_refused_on_every_route(app: Flask) -> None:
    bomb = gzip.compress(gzip.compress(bytes(100_000_000)))
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip, gzip",
        "Content-Length": str(len(bomb)),
    }

    for path in posts(app):
        assert checked(app, AnyRequest("POST", path, "", headers, bomb)).status in {413, 403, 415}


def test_every_method_is_answered_on_every_route(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        for method in METHODS:
            answer = checked(app, AnyRequest(method, path_of(rule)))
            if method == "OPTIONS":
                assert set(answer.headers["Allow"].split(", ")) >= (rule.methods or set())


@pytest.mark.full
def test_memory_stays_as_it_is_over_fifty_thousand_requests(app: Flask, limited: Flask) -> None:
    """What clients make up must not be remembered."""
    choice = random.Random(0)
    resident_bytes = []

    for number in range(50_000):
        ask(choice.choice([app, limited]), novel(app, choice))
        if number % 250 == 0:
            resident_bytes.append(resident())

    half = len(resident_bytes) // 2
    before, after = median(resident_bytes[half : half + 40]), median(resident_bytes[-40:])
    # 200 bytes for each of the 25,000 requests between would be 5 MB.
    assert after - before < 3_000_000


def novel(app: Flask, choice: random.Random) -> AnyRequest:
    """A request with something in it that was never there before."""
    new = f"{choice.getrandbits(64):016x}"
    rule = choice.choice([*app.url_map.iter_rules()])
    segments = ["digits", "1", new, str(int(new, 16) % 10**9)]
    arguments = {name: choice.choice(segments) for name in ("model", "version", "name", "kind")}
    content_type, body = choice.choice(genuine())
    headers = {
        "Content-Length": str(len(body)),
        "Content-Type": choice.choice([content_type, content_type, f"text/{new}"]),
        "X-Request-Id": new,
        "X-Routing-Key": new,
        "X-Forwarded-For": f"2001:db8:{new[:4]}:{new[4:8]}::1",
        f"X-{new}": new,
        "User-Agent": new,
    }
    method = choice.choice([usual_method(rule)] * 8 + [new])
    path = choice.choice([path_of(rule, arguments)] * 8 + [f"/{new}"])
    return AnyRequest(method, path, f"{new}=1", headers, body)


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
