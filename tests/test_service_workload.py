"""What may wait for something is not done where everyone else would wait with it."""

import pytest

from service.serving.workload import Workload
from service.settings import ServiceSettings

WORKLOAD = Workload(ServiceSettings(vertex_health_route="/vertex-health"))
PIXELS = bytes(784)


def is_short(
    path: str,
    body: bytes = b"",
    content_type: str = "",
    query: str = "",
    method: str = "POST",
    **headers: str,
) -> bool:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
    }
    return WORKLOAD.is_short(environ | headers, body)


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/ping",
        "/metrics",
        "/vertex-health",
        "/v2/health/ready",
        "/v2/models/digits/ready",
    ],
)
def test_health_is_told_at_once(path: str) -> None:
    assert is_short(path, method="GET")


@pytest.mark.parametrize(
    "path",
    ["/", "/model/report", "/v2/models/digits/versions/3/ready", "/somewhere"],
)
def test_reading_what_may_lie_elsewhere_is_long(path: str) -> None:
    assert not is_short(path, method="GET")


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/predict", PIXELS, "application/octet-stream"),
        ("/predict", b'{"pixels": [[0]]}', "application/json"),
        ("/invocations", PIXELS * 2, "application/octet-stream"),
        ("/endpoints/digits/invocations", PIXELS, ""),
        ("/v1/models/digits:predict", b'{"instances": [[[0]]]}', "application/json"),
        ("/v2/models/digits/infer", b'{"inputs": []}' + PIXELS, "application/octet-stream"),
    ],
)
def test_pixels_are_short_work(path: str, body: bytes, content_type: str) -> None:
    assert is_short(path, body, content_type)


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/predict", b"\x89PNG", "image/png"),
        ("/predict", PIXELS, "image/png"),
        ("/predict", PIXELS, "multipart/form-data; boundary=x"),
        ("/predict", b"\x89PNG", ""),
        ("/invocations", b'{"instances": [{"b64": "iVBO"}]}', "application/json"),
        ("/invocations", rb'{"instances": [{"\u006264": "iVBO"}]}', "application/json"),
        ("/predict", bytes(784 * 84), "application/octet-stream"),
        ("/predict", b"\x89PNG".ljust(2 * 784), ""),
        ("/predict", PIXELS, "Image/PNG"),
        ("/invocations", b'{"instances": [{"b64": "iVBO"}]}'.ljust(784), ""),
        ("/invocations", b"GIF89a".ljust(784), "Image/gif"),
        ("/v1/models/digits:predict", b'{"instances": [{"b64": "iVBO"}]}', ""),
        ("/v1/models/digits:predict", rb'{"instances": [{"b\u00364": "iVBO"}]}', "text/plain"),
        ("/read", PIXELS, ""),
        ("/v2/models/digits/versions/3/infer", b"{}", "application/json"),
        ("/v2/repository/models/digits/load", b"", ""),
    ],
)
def test_images_stores_and_large_bodies_are_long_work(
    path: str, body: bytes, content_type: str
) -> None:
    assert not is_short(path, body, content_type)


def test_what_grows_when_it_is_read_is_long_work() -> None:
    assert not is_short("/predict", PIXELS, HTTP_CONTENT_ENCODING="gzip")
    assert not is_short("/predict", PIXELS, query="explain=true")
