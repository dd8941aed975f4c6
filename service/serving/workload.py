"""Tell short work from long work."""

from typing import TYPE_CHECKING

from registry.contract import IMAGE_PIXELS
from service.http import JSON, media_type
from service.serving.upload import SMALL_BYTES
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What answers from memory. All else may wait for a disk or a store, or decode an image.
_SHORT_READS = {"/healthz", "/metrics", "/ping", "/v2", "/v2/health/live", "/v2/health/ready"}


class Workload:
    """Which requests are answered within a millisecond, without waiting for anything."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Vertex AI has an address of its own for the readiness."""
        self._short_reads = frozenset({*_SHORT_READS, settings.vertex_health_route})

    def is_short(self, environ: "WSGIEnvironment", body: bytes) -> bool:
        """Whether the request is one of them; where it cannot be told, it is not."""
        path: str = environ["PATH_INFO"]
        if "/versions/" in path:  # A pinned version may have to be loaded.
            return False
        if environ["REQUEST_METHOD"] != "POST":
            return path in self._short_reads or path.endswith("/ready")
        if len(body) > SMALL_BYTES or "HTTP_CONTENT_ENCODING" in environ:
            return False
        if path.endswith("/predict"):
            return "explain" not in environ["QUERY_STRING"] and _is_pixels(environ, body)
        if path.endswith("/invocations"):
            return _is_numbers(environ, body)
        return path.endswith("/infer") or (path.endswith(":predict") and _holds_no_file(body))


def _is_pixels(environ: "WSGIEnvironment", body: bytes) -> bool:
    """Whether a body for `/predict` is one image as numbers: all else is an image file there."""
    content_type = media_type(environ)
    is_file = content_type.startswith(("image/", "multipart/"))
    return content_type == JSON or (len(body) == IMAGE_PIXELS and not is_file)


def _is_numbers(environ: "WSGIEnvironment", body: bytes) -> bool:
    """Whether a body for `/invocations` is images as bytes, or as numbers in JSON."""
    content_type = media_type(environ)
    if content_type == "application/octet-stream":
        return True
    return content_type in {"", JSON} and _holds_no_file(body)


def _holds_no_file(body: bytes) -> bool:
    """Whether no member is called `b64`, which JSON can write otherwise only with a backslash."""
    return b"b64" not in body and b"\\" not in body
