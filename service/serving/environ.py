"""The WSGI environment (PEP 3333) of a request that came by RSGI."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.serving.rsgi import Scope

_BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "ziffer",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}

# They concern the connection (RFC 9110, 7.6.1), except `proxy`, which would become HTTP_PROXY,
# the variable by which libraries find the proxy of their own requests (CVE-2016-5387).
_NOT_FORWARDED = frozenset(
    {"connection", "keep-alive", "proxy", "proxy-connection", "te", "trailer", "transfer-encoding"}
)

# As many names as clients reasonably use; what strangers make up beyond that is not remembered.
_MOST_NAMES = 512

_variables: dict[str, str | None] = {
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
}
"""The variable of each header seen so far; None: the application does not get to see it."""


def environ_of(scope: "Scope") -> "WSGIEnvironment":
    """What PEP 3333 says of the request in `scope`, all but its body, in a few microseconds."""
    environ = _BASE.copy()
    environ["REQUEST_METHOD"] = scope.method
    environ["PATH_INFO"] = _bytes_as_latin_1(scope.path)
    environ["QUERY_STRING"] = _bytes_as_latin_1(scope.query_string)
    environ["SERVER_PROTOCOL"] = "HTTP/1.0" if scope.http_version == "1" else "HTTP/1.1"
    environ["wsgi.url_scheme"] = scope.scheme
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _host_and_port(scope.server)
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = _host_and_port(scope.client)
    for name, value in scope.headers.items():
        variable = _variables[name] if name in _variables else _variable(name)
        if variable is None:
            continue
        if variable in environ:
            separator = "; " if variable == "HTTP_COOKIE" else ","
            environ[variable] += separator + value
        else:
            environ[variable] = value
    return environ


def _variable(name: str) -> str | None:
    """The variable of the header `name`.

    A name with an underscore is dropped: it could pass for another that has a dash there, and
    that a proxy in front has taken care of.
    """
    is_forwarded = name not in _NOT_FORWARDED and "_" not in name
    variable = f"HTTP_{name.upper().replace('-', '_')}" if is_forwarded else None
    if len(_variables) < _MOST_NAMES:
        _variables[name] = variable
    return variable


def _bytes_as_latin_1(text: str) -> str:
    """PEP 3333 has bytes, one in each character; Granian decodes them as UTF-8."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _host_and_port(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port
