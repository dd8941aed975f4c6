"""Tell short work from long work."""

from typing import TYPE_CHECKING

from registry.contract import IMAGE_PIXELS
from service.settings import ServiceSettings
from service.upload import SMALL_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What answers from memory. All else may wait for a disk or a store, or decode an image.
_SHORT_READS = {"/healthz", "/metrics", "/ping", "/v2", "/v2/health/live", "/v2/health/ready"}

_IMAGES_OR_PIXELS = ("/predict", "/invocations")
_PIXELS = ("/infer", ":predict")

_JSON = "application/json"


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
        if environ.get("CONTENT_TYPE", "").startswith(_JSON):
            return path.endswith(_IMAGES_OR_PIXELS + _PIXELS) and _is_plain(environ, body)
        if path.endswith(_IMAGES_OR_PIXELS):
            return len(body) % IMAGE_PIXELS == 0 and _is_plain(environ, body)
        return path.endswith(_PIXELS)


def _is_plain(environ: "WSGIEnvironment", body: bytes) -> bool:
    """Whether nothing in it is an image file, nor asks for an explanation.

    A file in JSON is called `b64`, which JSON can write in other ways only with a backslash.
    """
    if "explain" in environ["QUERY_STRING"]:
        return False
    if environ.get("CONTENT_TYPE", "").startswith(_JSON):
        return b"b64" not in body and b"\\" not in body
    return not environ.get("CONTENT_TYPE", "").startswith(("image/", "multipart/"))
