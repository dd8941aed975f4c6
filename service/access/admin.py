"""What only keys with the scope admin may do."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from flask import request

from service.errors import ForbiddenError

if TYPE_CHECKING:
    from service.access.key_ring import Key

KEY = "ziffer.key"
"""Where the gate leaves the caller's key in the environ, for logs and for `admin_only`."""

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def admin_only(view: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let only keys with the scope admin reach `view`; where there are no keys, nobody."""

    @wraps(view)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        key: Key | None = request.environ.get(KEY)
        if key is None:
            raise ForbiddenError(
                "Administration is off, as the service has no API keys: set ZIFFER_SERVE_API_KEYS "
                "to a file of keys, one of them with the scope admin."
            )
        if "admin" not in key.scopes:
            raise ForbiddenError(
                f"The API key {key.name} has no scope admin, which this needs.",
                headers=challenge("insufficient_scope"),
            )
        return view(*args, **kwargs)

    return guarded


def challenge(error: str = "") -> list[tuple[str, str]]:
    """How to ask better (RFC 6750, 3)."""
    reason = f', error="{error}"' if error else ""
    return [("WWW-Authenticate", f'Bearer realm="Ziffer"{reason}')]
