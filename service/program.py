"""Serve the registered digit classifier over HTTP.

The model is loaded before the port is opened: whoever can connect gets an answer. In AWS Lambda
there is no port, and invocations are answered; SageMaker gives the argument "serve".
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from registry.configuration import SettingsError, load
from registry.errors import RegistryError
from service.errors import CannotListenError, ModelUnusableError
from service.platforms.containers import on_platform, refuse_unreadable_artifacts
from service.read_ahead import ReadAhead
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from service.models.served import Models

LAMBDA_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
"""Where a Lambda function asks for its next invocation; set nowhere else."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; 0: stopped, 1: not started, 2: wrong usage, 130: interrupted before."""
    given = sys.argv[1:] if argv is None else argv
    try:
        arguments, environ = on_platform(given, os.environ)
        settings = load(ServiceSettings, "python -m service", __doc__, arguments, environ)
        refuse_unreadable_artifacts(settings, environ)
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
    is_function = bool(os.environ.get(LAMBDA_RUNTIME_API))
    registry = ReadAhead(settings.registry)
    # Imported here, while the store answers.
    from service.app import create_app
    from service.models.served import Models
    from service.telemetry.model_metrics import ModelMetrics
    from service.telemetry.telemetry import Telemetry

    if is_function:
        from service.platforms import lambda_function

        lambda_function.check(settings)
    else:
        from service.serving import server

    telemetry = Telemetry(settings)
    models = Models(
        settings,
        opener=registry.open,
        report=_say if settings.workers == 1 else _say_as_worker,
        observer=ModelMetrics(telemetry.metrics),
    )
    models.prepare()

    app = create_app(settings, models, telemetry)
    # The workers share this memory for as long as no collector writes its marks into it.
    gc.freeze()
    gc.enable()
    if is_function:
        _announce(models, "as a Lambda function")
        lambda_function.answer_invocations(app, models, settings)
    else:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        announce = partial(_announce, models, f"on http://{host}:{settings.port}")
        server.serve(app, settings, announce=announce, in_worker=models.start)


def _announce(models: "Models", where: str) -> None:
    if models.is_stale:
        _say("the store is away: this is the version that the alias last named")
    _say(f"serving {_served(models)} {where}")


def _served(models: "Models") -> str:
    if "primary" not in models.named:
        return f"nothing, until {models.name} has a version to serve,"
    card = models.named["primary"].card
    return f"{card.name} version {card.version}"


def _say(line: str) -> None:
    with suppress(OSError):  # Whoever read it may be gone, which is no reason to stop.
        print(line, flush=True)  # noqa: T201 - a program prints


def _say_as_worker(line: str) -> None:
    _say(f"{line} (worker {os.getpid()})")


def _fail(error: Exception, status: int) -> int:
    print(f"service: {error}", file=sys.stderr)  # noqa: T201 - as above
    if address := os.environ.get(LAMBDA_RUNTIME_API):
        from service.platforms.lambda_function import report_failure

        report_failure(address, error)
    return status
