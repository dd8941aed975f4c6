"""Whatever a client sends, the service answers: no body on any route is a fault of the service."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from werkzeug.routing import Rule

from service.app import create_app
from service.models import Models
from service.settings import ServiceSettings
from tests.drawings import encoded
from tests.test_service_arrays import npy, npz

TYPES = [
    "",
    "application/json",
    "application/jsonlines",
    "application/octet-stream",
    "application/x-npy",
    "application/x-npz",
    "application/x-www-form-urlencoded",
    "image/png",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/csv",
    "text/plain",
]
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, deflate": lambda body: zlib.compress(gzip.compress(body)),
}

NAMES = st.sampled_from(
    [
        "instances",
        "inputs",
        "outputs",
        "pixels",
        "b64",
        "id",
        "parameters",
        "name",
        "shape",
        "datatype",
        "data",
        "UINT8",
        "FP32",
        "digits",
        "binary_data",
        "binary_data_size",
        "binary_data_output",
        "classification",
        "probabilities",
        "ready",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | NAMES
    | st.just([0] * 784)
    | st.just([[0] * 28] * 28)
    | st.just([1, 28, 28])
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(NAMES, values, max_size=4),
    max_leaves=12,
)
TENSORS = st.fixed_dictionaries(
    {
        "inputs": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.just("pixels") | LEAVES,
                    "datatype": st.just("UINT8") | LEAVES,
                    "shape": st.just([1, 28, 28]) | st.lists(st.integers(-1, 2**65), max_size=4),
                    "data": DOCUMENTS,
                    "parameters": DOCUMENTS,
                },
            ),
            max_size=2,
        )
    },
    optional={"outputs": DOCUMENTS, "parameters": DOCUMENTS, "id": LEAVES},
)
INSTANCES = st.fixed_dictionaries({"instances": DOCUMENTS | st.lists(LEAVES, max_size=3)})

GENUINE = [
    encoded(Image.new("LA", (30, 40), (3, 0))),
    encoded(Image.linear_gradient("L"), "JPEG"),
    encoded(Image.radial_gradient("L"), "GIF"),
    npy(np.zeros((2, 784), np.uint8)),
    npz(npy(np.zeros((2, 784), np.uint8))),
    b",".join([b"7"] * 784) + b"\n",
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\nGIF89a\r\n--b--\r\n',
    bytes(784),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of a kind that is read, of which a few bytes are wrong, or the end is missing."""
    body = bytearray(draw(st.sampled_from(GENUINE)))
    for _ in range(draw(st.integers(0, 3))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, len(body))) or None])


BODIES = (
    st.binary(max_size=2000)
    | damaged()
    | (DOCUMENTS | TENSORS | INSTANCES).map(lambda value: json.dumps(value).encode())
)
LENGTHS = st.sampled_from(["0", "1", "40", "9999", "-1", "x", "9" * 5000]) | st.none()


@pytest.fixture(scope="module")
def anybody(models: Models) -> FlaskClient:
    """A client of a service whose limits are near."""
    settings = ServiceSettings(max_body_bytes=10_000, max_batch=3, vertex_predict_route="/vertex")
    return create_app(settings, models).test_client()


def path_of(rule: Rule) -> str:
    named = {"model": "digits", "version": "1", "name": "x"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: named[part[1]], rule.rule)


def posts(client: FlaskClient) -> list[str]:
    rules = client.application.url_map.iter_rules()
    return [path_of(rule) for rule in rules if "POST" in (rule.methods or ())]


def test_every_route_that_takes_a_body_is_tried(anybody: FlaskClient) -> None:
    assert {
        "/predict",
        "/read",
        "/invocations",
        "/endpoints/x/invocations",
        "/vertex",
        "/v1/models/digits:predict",
        "/v2/models/digits/infer",
        "/v2/repository/index",
    } <= set(posts(anybody))


@settings(max_examples=500)
@given(data=st.data())
def test_no_body_is_a_fault_of_the_service(anybody: FlaskClient, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(posts(anybody)))
    encoding = data.draw(st.sampled_from(list(ENCODERS)))
    headers = {
        "Content-Type": data.draw(st.sampled_from(TYPES)),
        "Accept": data.draw(st.sampled_from(["", "*/*", "text/csv", "application/x-npy;q=x"])),
        "Content-Encoding": encoding or data.draw(st.sampled_from(["", "identity", "gzip", "br"])),
    }
    if length := data.draw(LENGTHS):
        headers["Inference-Header-Content-Length"] = length
    body = ENCODERS[encoding](data.draw(BODIES))

    answer = anybody.post(path, data=io.BytesIO(body), headers=headers, content_length=len(body))

    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        problem = answer.get_json()
        assert problem["status"] == answer.status_code
        assert 0 < len(problem["error"]) < 1000
        assert problem["type"].startswith("/errors/")


NAMES_OF_FIELDS = st.binary(max_size=8).filter(lambda name: not {10, 13} & set(name))


@example(b"\\", has_file=True)
@given(NAMES_OF_FIELDS | st.binary(min_size=100, max_size=200), st.booleans())
def test_no_form_is_a_fault_of_the_service(
    anybody: FlaskClient, name: bytes, has_file: bool
) -> None:
    file = b'; filename="x"' if has_file else b""
    field = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\nx\r\n--b--\r\n'

    answer = anybody.post(
        "/read", data=field % (name, file), content_type="multipart/form-data; boundary=b"
    )

    assert 400 <= answer.status_code < 500


@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]),
    st.text(max_size=20).map("/{}".format)
    | st.sampled_from(
        ["/predict", "/v2/models/digits/", "/v1/models/digits:explain", "//", "/%ff"]
    ),
    st.binary(max_size=10).map(lambda query: query.decode("latin-1")),
)
def test_no_address_is_a_fault_of_the_service(
    anybody: FlaskClient, method: str, path: str, query: str
) -> None:
    environ = {"PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": query}

    answer = anybody.open(method=method, environ_overrides=environ)

    assert answer.status_code < 500
