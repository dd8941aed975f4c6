"""Every error that a client can see: one body, its key `error` one sentence for the user.

The body is that of RFC 9457 (problem details) with `error` added, the one key that the clients of
the Open Inference Protocol read.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from werkzeug.exceptions import HTTPException

    from service.http import Answer

Problem = dict[str, Any]
"""One thing that is wrong: where (`loc`), what was `expected`, what was `got`."""

# Clients of these protocols show an error's text only if its type is exactly this.
JSON_PATHS: tuple[str, ...] = ("/v1", "/v2", "/invocations", "/endpoints")

_LONGEST_SENTENCE = 500

_log = logging.getLogger("service")


class CannotListenError(Exception):
    """The service cannot have the address where it should listen."""


class ModelUnusableError(Exception):
    """The registered model cannot be served; the text says why and what to do."""


class SelfTestFailedError(ModelUnusableError):
    """The registered model does not answer as it did when it was registered."""


class RequestError(Exception):
    """A request that cannot be answered with what it asked for; the text is for its sender."""

    status = 400
    kind = "invalid-request"

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        problems: Sequence[Problem] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Say `message`; `kind` is one word for programs and metrics, such as `shape-mismatch`."""
        # It may quote what the client sent, which may be of any length.
        is_long = len(message) > _LONGEST_SENTENCE
        super().__init__(f"{message[:_LONGEST_SENTENCE]}…" if is_long else message)
        self.kind = kind or self.kind
        self.problems = problems
        self.headers = headers
        self.members: dict[str, object] = {}
        """Of the body, besides those that every error has."""


class InputError(RequestError):
    """The client's input cannot be read."""

    kind = "invalid-input"


class TooLargeError(InputError):
    """The input is larger than the service takes."""

    status = 413
    kind = "too-large"


class UnsupportedTypeError(InputError):
    """The input is of a type that the service does not read."""

    status = 415
    kind = "unsupported-type"


class UnauthorizedError(RequestError):
    """The request needs an API key, and has none that is valid."""

    status = 401
    kind = "unauthorized"


class ForbiddenError(RequestError):
    """The request needs more than its API key is good for."""

    status = 403
    kind = "forbidden"


class RateLimitedError(RequestError):
    """The client asks more often than it may."""

    status = 429
    kind = "rate-limited"


class ModelNotFoundError(RequestError):
    """There is no such model, or no such version of it."""

    status = 404
    kind = "model-not-found"


class ModelUnavailableError(RequestError):
    """The model may well exist, but cannot answer now: try again."""

    status = 503
    kind = "model-unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        """Say `message` and when to try again."""
        super().__init__(message, headers=[("Retry-After", str(retry_after_s))])


class OverloadedError(RequestError):
    """There is more to do than can be done: try again."""

    status = 503
    kind = "overloaded"

    def __init__(self, message: str) -> None:
        """Say `message`, and when to try again."""
        super().__init__(message, headers=[("Retry-After", "1")])


def problem_answer(error: RequestError, *, is_json: bool, request_id: str | None) -> "Answer":
    """The answer to a request that ended in `error`, in the type that the route's clients read."""
    from service.http import Answer  # It imports the errors.

    return Answer(
        problem_body(error, request_id),
        "application/json" if is_json else "application/problem+json",
        status_code=error.status,
        headers=error.headers,
    )


def problem_body(error: RequestError, request_id: str | None) -> bytes:
    """The body of `error` as JSON."""
    message = str(error)
    problem: Problem = {
        "error": message,
        "type": f"/errors/{error.kind}",
        "title": error.kind.replace("-", " ").capitalize(),
        "status": error.status,
        "detail": message,
    }
    if error.problems:
        problem["errors"] = error.problems
    if request_id:
        problem["request_id"] = request_id
    return orjson.dumps(problem | error.members, default=str)


def of_http_exception(exception: "HTTPException") -> RequestError:
    """What Flask itself refuses, such as an unknown route, as one of ours."""
    status = exception.code or 500
    response = exception.get_response()
    error = RequestError(
        exception.description or exception.name,
        kind=exception.name.lower().replace(" ", "-"),
        headers=[
            (name, response.headers[name])
            for name in ("Allow", "Retry-After", "Location")
            if name in response.headers
        ],
    )
    error.status = status
    return error


def of_bug(exception: Exception) -> RequestError:
    """A fault of the service: logged with all there is to know, told without any of it."""
    _log.error("a request failed by a fault of the service", exc_info=exception)
    error = RequestError(
        "The service failed on this request; the fault is logged.", kind="internal"
    )
    error.status = 500
    return error
