"""Every error that a client can see: one JSON body, its key `error` one sentence for the user."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from service.schemas import ErrorBody


class ModelUnusableError(Exception):
    """The registered model cannot be served; the text says why and what to do."""


class InputError(Exception):
    """The client's input cannot be answered."""

    status = 400

    def __init__(
        self,
        message: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        **details: Any,  # noqa: ANN401 - any JSON value
    ) -> None:
        """Say `message`; `details` become further members of the body."""
        super().__init__(message)
        self.headers = headers
        self.details = details


class TooLargeError(InputError):
    """The input is larger than the service takes."""

    status = 413


class UnsupportedTypeError(InputError):
    """The input is of a type that the service does not read."""

    status = 415


class BlankImageError(InputError):
    """There is nothing to read in the image."""

    status = 422


class UnauthorizedError(InputError):
    """The request needs an API key, and has none that is valid."""

    status = 401


class ForbiddenError(InputError):
    """The request needs more than its API key is good for."""

    status = 403


class RateLimitedError(InputError):
    """The client asks more often than it may."""

    status = 429


def register(app: Flask) -> None:
    """Let `app` answer every error as JSON, and never with a traceback."""
    app.register_error_handler(InputError, _input_error)
    app.register_error_handler(RequestEntityTooLarge, _body_too_large)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _input_error(error: InputError) -> Response:
    return _body(error.status, str(error), **error.details)


def _body_too_large(_: RequestEntityTooLarge) -> Response:
    limit = request.max_content_length
    return _body(413, f"The body is larger than the {limit:,} bytes allowed; send a smaller one.")


def _http_error(error: HTTPException) -> Response:
    response = error.get_response()
    status = error.code or response.status_code
    if status < 400:  # A redirect is no error.
        return Response(response.get_data(), status, dict(response.headers))
    body = _body(status, error.description or error.name)
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            body.headers[name] = response.headers[name]
    return body


def _bug(error: Exception) -> Response:
    current_app.logger.error("a request failed by a fault of the service", exc_info=error)
    return _body(500, "The service failed on this request; the fault is logged.")


def _body(status: int, message: str, **details: Any) -> Response:  # noqa: ANN401 - any JSON value
    body = ErrorBody(error=message, status=status, **details)
    return Response(body.model_dump_json(), status, mimetype="application/json")
