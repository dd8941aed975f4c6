"""Requests of every kind, for hypothesis: most are nearly right, as those find more than noise."""

import gzip
import io
import json
import re
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from PIL import Image
from werkzeug.routing import Rule

from tests.drawings import encoded

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "get",
    "X",
]


@dataclass(frozen=True)
class AnyRequest:
    """A request, as PEP 3333 has it: a character for each byte."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def environ(self) -> "WSGIEnvironment":
        """What a server makes of it; a header Content-Length may lie."""
        variables = {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if f"HTTP_{name}" in variables:
                variables[name] = variables.pop(f"HTTP_{name}")
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.input_terminated": True,
            **variables,
        }


@cache
def image_files() -> dict[str, bytes]:
    """A picture in each format that Pillow writes."""
    Image.init()
    return {name: content for name in sorted(Image.SAVE) if (content := _written(name))}


def _written(name: str) -> bytes | None:
    for picture in (
        Image.radial_gradient("L").resize((20, 30)).convert("RGB"),
        Image.new("1", (16, 16)),
    ):
        try:
            return encoded(picture, name)
        except Exception:  # noqa: BLE001, S112 - a format that cannot hold it, or only be read
            continue
    return None


@cache
def animations() -> list[bytes]:
    """Pictures of several frames."""
    frames = [Image.new("L", (20, 20), grey) for grey in (0, 255, 99)]
    return [
        _saved(frames[0], name, save_all=True, append_images=frames[1:], duration=20)
        for name in ("GIF", "PNG", "WEBP")
    ]


def _saved(picture: Image.Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:  # of any numbers
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    return file.getvalue()


def _form(content: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head + content + b"\r\n--b--\r\n"


_BLANK = b"[" + b",".join([b"0"] * 784) + b"]"
_TENSOR = (
    b'{"inputs": [{"name": "pixels", "shape": [1, 784], "datatype": "UINT8", "data": %b}]}' % _BLANK
)
_BINARY = json.dumps(
    {
        "inputs": [
            {
                "name": "pixels",
                "shape": [1, 784],
                "datatype": "UINT8",
                "parameters": {"binary_data_size": 784},
            }
        ]
    }
).encode()
BINARY_JSON_BYTES = len(_BINARY)

DEEP = b"[" * 100_000 + b"]" * 100_000


JSON = "application/json"
BYTES = "application/octet-stream"
FORM = "multipart/form-data; boundary=b"


@cache
def genuine() -> list[tuple[str, bytes]]:
    """Bodies that some route takes as they are, each with its type."""
    zeros = _npy(np.zeros((2, 784), np.uint8))
    return [
        *((f"image/{name.lower()}", content) for name, content in image_files().items()),
        *(("image/*", content) for content in animations()),
        (BYTES, bytes(784)),
        ("application/x-npy", zeros),
        ("application/x-npz", _npz(zeros)),
        ("text/csv", b",".join([b"7"] * 784) + b"\n"),
        (FORM, _form(image_files()["PNG"])),
        (JSON, b'{"pixels": %b}' % _BLANK),
        (JSON, b'{"instances": [%b, {"pixels": %b}]}' % (_BLANK, _BLANK)),
        ("application/jsonlines", b"%b\n%b\n" % (_BLANK, _BLANK)),
        (JSON, b'{"instances": [{"b64": "%b"}]}' % b64encode(image_files()["GIF"])),
        (JSON, _TENSOR),
        (BYTES, _BINARY + bytes(784)),
        (JSON, b"{}"),
        ("", b""),
    ]


_HOSTILE = [
    DEEP,
    b'{"instances": %b}' % DEEP,
    b'{"pixels": NaN}',
    b'{"pixels": [1e999, -1e999, 1e-999]}',
    b'{"pixels": %b}' % (b"9" * 5000),
    b'{"instances": [%b]}' % (b"[" + b"0," * 783 + b"9" * 30 + b"]"),
    b'{"pixels": [], "pixels": %b}' % _BLANK,
    b'{"instances": [{"b64": "%b"}]}' % (b"A" * 20_000),
    b'{"instances": ["\\ud800", {"b64": "\\u0000"}, {"b64": 7}]}',
    b'{"inputs": [{"name": "pixels", "shape": [%d, 784], "datatype": "UINT8"}]}' % 2**63,
    b'{"inputs": [{"name": "pixels", "shape": [1, 784], "datatype": "UINT8", "data": [null]}]}',
]
_HOSTILE_FORMS = [
    b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n1\r\n--b--\r\n' % (b"n" * 5000),
    b"--b\r\n" * 2000 + b"--b--",
]

_NAMES = st.sampled_from(
    [
        *("instances", "inputs", "outputs", "pixels", "b64", "id", "parameters", "name", "shape"),
        *("datatype", "data", "UINT8", "FP32", "digits", "binary_data", "binary_data_size"),
        *("binary_data_output", "classification", "probabilities", "ready"),
    ]
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | _NAMES
    | st.just([0] * 784)
    | st.just([[0] * 28] * 28)
    | st.just([1, 28, 28])
)
_TREES = st.recursive(
    _LEAVES,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(_NAMES, values, max_size=4),
    max_leaves=12,
)
_INPUT = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("pixels") | _LEAVES,
        "datatype": st.just("UINT8") | _LEAVES,
        "shape": st.just([1, 28, 28]) | st.lists(st.integers(-1, 2**65), max_size=4),
        "data": _TREES,
        "parameters": _TREES,
    },
)
_TENSORS = st.fixed_dictionaries(
    {"inputs": st.lists(_INPUT, max_size=2)},
    optional={"outputs": _TREES, "parameters": _TREES, "id": _LEAVES},
)
_INSTANCES = st.fixed_dictionaries({"instances": _TREES | st.lists(_LEAVES, max_size=3)})


@st.composite
def damaged(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """One of `contents`, of which a few bytes are wrong, or the end is missing."""
    body = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 3)) if body else 0):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.none() | st.integers(0, len(body)))])


@st.composite
def _damaged_pair(draw: st.DrawFn) -> tuple[str, bytes]:
    content_type, content = draw(st.sampled_from(genuine()))
    return content_type, draw(damaged([content]))


_BODIES = (
    st.deferred(lambda: st.sampled_from(genuine()))
    | _damaged_pair()
    | (_TREES | _TENSORS | _INSTANCES).map(lambda value: (JSON, json.dumps(value).encode()))
    | st.sampled_from([(JSON, body) for body in _HOSTILE])
    | st.sampled_from([(FORM, body) for body in _HOSTILE_FORMS])
    | st.tuples(st.sampled_from(["", "text/csv", BYTES]), st.binary(max_size=2000))
)

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "Deflate": zlib.compress,
    "gzip, deflate": lambda body: zlib.compress(gzip.compress(body)),
    "identity": bytes,
    "br": bytes,
}
_TYPES = [
    "application/json",
    "application/json; charset=utf-16",
    "application/jsonlines",
    "application/octet-stream",
    "application/x-npy",
    "application/x-npz",
    "application/x-www-form-urlencoded",
    "image/png",
    "IMAGE/Tiff",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/csv",
    "text/" + "x" * 5000,
    ";",
]
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_LATIN_1 = st.text(st.characters(max_codepoint=255), max_size=30)
_HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Content-Type": st.sampled_from(_TYPES),
    "Content-Encoding": st.sampled_from(["gzip", "x-gzip", "deflate", "identity", "br", ",", "é"]),
    "Content-Length": st.sampled_from(
        ["0", "1", "784", "9999999", "-1", "+5", "٣", "1_0", "9" * 5000]
    ),
    "Accept": st.sampled_from(["text/html", "text/csv", "application/x-npy;q=x", "a/b;q=1,*/*"]),
    "Accept-Encoding": st.sampled_from(["gzip", "deflate;q=0.5, *;q=0", "gzip;q=nan", "identity"]),
    "Inference-Header-Content-Length": st.sampled_from(
        ["0", "1", str(BINARY_JSON_BYTES), "-1", "x", "9" * 5000]
    ),
    "Traceparent": st.sampled_from([_TRACE, _TRACE.upper(), f"ff{_TRACE[2:]}", f"{_TRACE}-x"]),
    "X-Request-Id": st.sampled_from(["mine", "a\nSet-Cookie: b=c", "x" * 500, "\u00e9"]),
    "X-Amzn-Trace-Id": st.just("Root=1-5759e988-bd862e3fe1be46a994272793"),
    "Authorization": st.sampled_from(["Bearer x", "Basic eDp5", "Bearer", "Bearer \xe9"]),
    "X-API-Key": _LATIN_1,
    "X-Routing-Key": _LATIN_1,
    "Origin": st.sampled_from(["https://example.org", "null", "x\ny"]),
    "Access-Control-Request-Method": st.just("POST"),
    "X-Forwarded-For": st.sampled_from(
        ["1.2.3.4", "::1, [2001:db8::1]:80", ",,,", "%::%", "x" * 5000]
    ),
    "X-HTTP-Method-Override": st.sampled_from(["POST", "DELETE"]),
    "Range": st.sampled_from(["bytes=0-3", "bytes=9-2", "bytes=-1", "lines=1-", "bytes=99999999-"]),
    "If-Range": _LATIN_1,
    "If-None-Match": st.sampled_from(["*", '"x", W/"y"', '"']),
    "If-Modified-Since": st.sampled_from(["Tue, 19 Jan 2038 03:14:07 GMT", "never"]),
    "Transfer-Encoding": st.just("chunked"),
    "Cookie": _LATIN_1,
    "Host": _LATIN_1,
    "User-Agent": _LATIN_1,
}
_QUERIES = (
    st.sampled_from(["", "explain=true", "top_k=3", "top_k=11", "top_k=", "top_k=%ff", "&=&;%"])
    | _LATIN_1
)
_NO_BRACES = str.maketrans("{}", "()")

_USUAL = {"model": "digits", "version": "1", "name": "x", "kind": "internal"}

_SEGMENTS = st.sampled_from(
    ["digits", "1", "0", "99999999999", "page.js", "shape-mismatch", "..", ".", "%2e%2e", "a:b"]
) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))

_DISGUISES = st.sampled_from(
    [
        "{}/",
        "/{}",
        "/page/..{}",
        "/x/..{}",
        "/.{}",
        "{};x=/page/",
        "{}\0",
        "{}%20",
        "http://localhost{}",
        "",
    ]
) | _SEGMENTS.map(lambda segment: f"{{}}/{segment.translate(_NO_BRACES)}")
"""Other ways to write an address that a careless server takes for the same."""


@dataclass(frozen=True)
class Anything:
    """What can be sent to any route."""

    method: str | None
    """None: the one that the route is for."""
    disguise: str
    """Has `{}` where the address stands."""
    arguments: dict[str, str]
    query: str
    headers: dict[str, str]
    body: bytes

    def to(self, rule: Rule) -> AnyRequest:
        """Send it to a route, or nearly."""
        path = self.disguise.format(path_of(rule, self.arguments))
        method = self.method or usual_method(rule)
        return AnyRequest(method, path, self.query, self.headers, self.body)


@st.composite
def anything(draw: st.DrawFn) -> Anything:
    """Something to send to all routes, so that none of them is asked less than others."""
    content_type, body = draw(_BODIES)
    headers = {"Content-Type": content_type}
    if _seldom(draw):
        encoding = draw(st.sampled_from(sorted(_ENCODERS)))
        headers["Content-Encoding"], body = encoding, _ENCODERS[encoding](body)
    if not _seldom(draw):
        headers["Content-Length"] = str(len(body))
    names = draw(st.lists(st.sampled_from(sorted(_HEADERS)), max_size=4, unique=True))
    headers |= {name: draw(_HEADERS[name]) for name in names}
    arguments = {
        "model": draw(_SEGMENTS) if _seldom(draw) else "digits",
        "version": draw(_SEGMENTS) if _seldom(draw) else "1",
        "name": draw(_SEGMENTS),
        "kind": draw(_SEGMENTS),
    }
    method = draw(st.sampled_from(METHODS)) if _seldom(draw) else None
    disguise = draw(_DISGUISES) if _seldom(draw) else "{}"
    return Anything(method, disguise, arguments, draw(_QUERIES), headers, body)


def _seldom(draw: st.DrawFn) -> bool:
    return draw(st.sampled_from([False, False, False, True]))


def usual_method(rule: Rule) -> str:
    """POST where that is meant."""
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def path_of(rule: Rule, arguments: Mapping[str, str] = MappingProxyType(_USUAL)) -> str:
    """An address of `rule`."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: arguments[match[1]], rule.rule)
