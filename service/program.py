"""Serve the registered digit classifier over HTTP.

The model is loaded before the port is opened: whoever can connect gets an answer.
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from registry.configuration import SettingsError, load
from registry.errors import RegistryError
from service.errors import CannotListenError, ModelUnusableError
from service.read_ahead import ReadAhead
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from service.models.served import Models

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; 0: stopped, 1: not started, 2: wrong usage, 130: interrupted before."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        settings = load(ServiceSettings, "python -m service", __doc__, arguments, os.environ)
        run(settings)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (CannotListenError, ModelUnusableError, RegistryError) as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


def run(settings: ServiceSettings) -> None:
    """Load the models, then serve them, and what the aliases name after them."""
    registry = ReadAhead(settings.registry)
    # Imported here, while the store answers.
    from service.app import create_app
    from service.models.served import Models
    from service.serving.server import serve
    from service.telemetry.model_metrics import ModelMetrics
    from service.telemetry.telemetry import Telemetry

    def report(line: str) -> None:
        _say(line if settings.workers == 1 else f"{line} (worker {os.getpid()})")

    telemetry = Telemetry(settings)
    models = Models(
        settings,
        opener=registry.open,
        report=report,
        observer=ModelMetrics(telemetry.metrics),
    )
    models.prepare()

    def announce() -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        if models.is_stale:
            _say("the store is away: this is the version that the alias last named")
        _say(f"serving {_served(models)} on http://{host}:{settings.port}")

    app = create_app(settings, models, telemetry)
    # The workers share this memory for as long as no collector writes its marks into it.
    gc.freeze()
    gc.enable()
    serve(app, settings, announce=announce, in_worker=models.start)


def _served(models: "Models") -> str:
    if "primary" not in models.named:
        return f"nothing, until {models.name} has a version to serve,"
    card = models.named["primary"].card
    return f"{card.name} version {card.version}"


def _say(line: str) -> None:
    with suppress(OSError):  # Whoever read it may be gone, which is no reason to stop.
        print(line, flush=True)  # noqa: T201 - a program prints


def _fail(error: Exception, status: int) -> int:
    print(f"service: {error}", file=sys.stderr)  # noqa: T201 - as above
    return status
