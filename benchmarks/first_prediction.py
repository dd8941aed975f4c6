"""Start the service without a server, predict once, and end: a contender of cold_start.py."""

import gc
import io
import os
from collections.abc import Callable
from typing import Any

import service  # noqa: F401 - it says what later imports shall leave undone

# 28 x 28 pixels with a vertical stroke.
BODY = bytes(28 * 4) + (bytes(13) + b"\xff\xff" + bytes(13)) * 20 + bytes(28 * 4)
CONTENT_TYPE = "application/octet-stream"


def main() -> None:
    """Be a start that is measured up to its first prediction."""
    gc.disable()  # As `service.__main__` does.
    predict()
    os._exit(0)  # A service would go on: how long Python takes to end is not to be seen of it.


def predict() -> None:
    """Do as `python -m service` does, with one call of the application instead of a server."""
    from registry.configuration import load
    from service.read_ahead import ReadAhead
    from service.settings import ServiceSettings

    settings = load(ServiceSettings, "first_prediction", None, [], os.environ)
    registry = ReadAhead(settings.registry)
    from service.app import create_app
    from service.models.served import Models
    from service.telemetry.model_metrics import ModelMetrics
    from service.telemetry.telemetry import Telemetry

    telemetry = Telemetry(settings)
    models = Models(settings, opener=registry.open, observer=ModelMetrics(telemetry.metrics))
    models.prepare()
    app = create_app(settings, models, telemetry)
    said: list[str] = []

    def start_response(status: str, _headers: object, *_: object) -> Callable[[bytes], object]:
        said.append(status)
        return lambda _: None

    answer = b"".join(app(request(), start_response))
    assert said == ["200 OK"], answer


def request() -> dict[str, Any]:
    """A drawing for /predict, as a WSGI server would hand it over."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/predict",
        "QUERY_STRING": "",
        "CONTENT_TYPE": CONTENT_TYPE,
        "CONTENT_LENGTH": str(len(BODY)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": True,
    }


if __name__ == "__main__":
    main()
