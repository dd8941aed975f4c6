"""Be a Lambda function: the same application, without a port, one invocation at a time."""

import io
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import orjson
from apig_wsgi import make_lambda_handler
from awslambdaric.__main__ import main as run_loop
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException

from registry.configuration import SettingsError
from service.errors import TooLargeError, problem_body
from service.platforms import lambda_events
from service.platforms.following import Following
from service.platforms.lambda_events import DirectRequest, Event, EventError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from service.app import Application
    from service.models.served import Models
    from service.settings import ServiceSettings

# Lambda's quota of a buffered answer; one that is larger would end the process that gives it.
_MOST_ANSWER_BYTES = 6_291_556

# What one character of an answer may become in the JSON around it: \u00e9.
_LONGEST_CHARACTER = 6

_STOPS = {signal.SIGINT, signal.SIGTERM}

_log = logging.getLogger("service")


def answer_invocations(app: "Application", models: "Models", settings: "ServiceSettings") -> None:
    """Answer invocations until the execution environment is shut down; does not return."""
    global _function
    _function = Function(app, models, Following(models.check, settings.follow_interval_s))
    _end_when_told()
    run_loop([sys.argv[0], f"{__name__}.{answer.__name__}"])


def check(settings: "ServiceSettings") -> None:
    """Raise SettingsError for what a process that is frozen between requests cannot do."""
    if settings.shadow_alias:
        raise SettingsError(
            f"--shadow-alias is {settings.shadow_alias!r}: a Lambda function has no time between "
            "requests in which a shadow could read; unset it, or use a canary"
        )


def report_failure(address: str, error: Exception) -> None:
    """Tell the Runtime API at `address` why the function cannot start."""
    report = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
    LambdaRuntimeClient(address).post_init_error(report)


class Function:
    """Answers one event after another."""

    def __init__(self, app: "Application", models: "Models", following: Following) -> None:
        """Let `app` answer with `models`, which go along with their aliases by `following`."""
        self._app = app
        self._models = models
        self._following = following
        self._answer_http = make_lambda_handler(self._wsgi_app, binary_support=True)

    def __call__(self, event: object, context: Any) -> object:  # noqa: ANN401 - awslambdaric's
        """The answer to `event`, as JSON can say it; raises EventError."""
        self._following.catch_up(context.get_remaining_time_in_millis() / 1000)
        if isinstance(event, dict) and lambda_events.is_http(event):
            return self._http(event, context)
        if isinstance(event, dict) and lambda_events.is_warm_up(event):
            return {"ready": self._models.is_ready}
        return self._direct(lambda_events.direct_request(event, self._models.name), context)

    def _http(self, event: Event, context: Any) -> object:  # noqa: ANN401 - as above
        answer = self._answer_http(lambda_events.without_doubtful_headers(event), context)
        if not _is_too_large(answer["body"]):
            return answer
        error = TooLargeError("The answer is larger than the 6 MB that Lambda passes on.")
        body = problem_body(error, context.aws_request_id).decode()
        headers = {"content-type": "application/problem+json"}
        return {"statusCode": error.status, "headers": headers, "body": body}

    def _wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        event, context = environ["apig_wsgi.full_event"], environ["apig_wsgi.context"]
        environ["REMOTE_ADDR"] = lambda_events.client_address(event)
        environ["PATH_INFO"] = lambda_events.without_stage(event, environ["PATH_INFO"])
        environ.setdefault("HTTP_X_REQUEST_ID", context.aws_request_id)
        return self._app.wsgi_app(environ, start_response)

    def _direct(self, request: DirectRequest, context: Any) -> object:  # noqa: ANN401 - as above
        status, body = self._post(request, context.aws_request_id)
        value = orjson.loads(body)
        if status != "200 OK":
            raise EventError(value["type"].rpartition("/")[2], value["error"])
        if _is_too_large(body.decode()):
            raise EventError("too-large", "The answer is larger than the 6 MB of Lambda's quota.")
        return value

    def _post(self, request: DirectRequest, request_id: str) -> tuple[str, bytes]:
        """Status and body of the application's answer."""
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path,
            "QUERY_STRING": "",
            "SERVER_NAME": "lambda",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": request.content_type,
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_X_REQUEST_ID": request_id,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            # Whoever may invoke the function was let in by AWS, and needs no key of ours.
            "ziffer.is_admitted": True,
        }
        statuses: list[str] = []

        def start_response(status: str, headers: object, _: object = None, /) -> Any:  # noqa: ANN401 - PEP 3333
            statuses.append(status)

        body = b"".join(self._app.wsgi_app(environ, start_response))
        return statuses[0], body


_function: Function | None = None
"""awslambdaric looks for what answers by its name in a module."""


def answer(event: object, context: Any) -> object:  # noqa: ANN401 - awslambdaric's
    """What the function answers to `event`; raises FaultException, which has no traceback."""
    assert _function is not None  # noqa: S101 - set before the loop runs
    try:
        return _function(event, context)
    except EventError as error:
        raise FaultException(error.kind, str(error)) from None
    except Exception as error:
        _log.exception("an invocation failed by a fault of the service")
        raise FaultException(
            "internal", "The service failed on this event; the fault is logged."
        ) from error


def _is_too_large(text: str) -> bool:
    if len(text) * _LONGEST_CHARACTER < _MOST_ANSWER_BYTES:
        return False
    # As awslambdaric writes it, with headers to spare.
    quoted = len(orjson.dumps(text)) + (_LONGEST_CHARACTER - 1) * sum(c > "\x7f" for c in text)
    return quoted + 16_384 > _MOST_ANSWER_BYTES


def _end_when_told() -> None:
    """End with status 0 at SIGTERM: Python's own handlers would wait for the next invocation."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)

    def end() -> None:
        signal.sigwait(_STOPS)
        os._exit(0)

    threading.Thread(target=end, name="end", daemon=True).start()
