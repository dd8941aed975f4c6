"""Tell short work from long work."""

from typing import TYPE_CHECKING

from registry.contract import IMAGE_PIXELS
from service.upload import SMALL_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What answers from memory. All others may wait for a disk, a store or an image.
_SHORT_READS = frozenset(
    {"/healthz", "/metrics", "/ping", "/v2", "/v2/health/live", "/v2/health/ready"}
)
_IMAGES_OR_PIXELS = frozenset({"/predict", "/invocations"})
_PIXELS = ("/infer", ":predict")

_LONG_TYPES = ("image/", "multipart/")


def is_short(environ: "WSGIEnvironment", body: bytes) -> bool:
    """Whether the request is answered within a millisecond, without waiting for anything.

    Where it cannot be told, it is not. A pinned version may have to be loaded.
    """
    path: str = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] != "POST":
        return path in _SHORT_READS or (path.endswith("/ready") and "/versions/" not in path)
    if len(body) > SMALL_BYTES or "HTTP_CONTENT_ENCODING" in environ or "/versions/" in path:
        return False
    if path in _IMAGES_OR_PIXELS:
        return "explain" not in environ["QUERY_STRING"] and _is_pixels(environ, body)
    return path.endswith(_PIXELS)


def _is_pixels(environ: "WSGIEnvironment", body: bytes) -> bool:
    """Whether the body is images of 28 by 28 pixels, rather than a file that has to be decoded."""
    content_type: str = environ.get("CONTENT_TYPE", "")
    if content_type.startswith(_LONG_TYPES):
        return False
    if content_type.startswith("application/json"):
        return b'"b64"' not in body
    return len(body) % IMAGE_PIXELS == 0
