"""The page for people, and what it tells of the model: its card and its report."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, request, send_from_directory
from werkzeug.exceptions import BadGateway, NotFound, ServiceUnavailable

from registry.errors import RegistryError, StoreUnavailableError
from service.http import Answer, json_answer

if TYPE_CHECKING:
    from registry.card import ModelCard
    from registry.catalog import Registry

routes = Blueprint("page", __name__)

FOLDER = Path(__file__).parents[1] / "page"
REPORT_FILE = "report.html"
_RETRY_AFTER_S = 10

_log = logging.getLogger("service")


def _policy(**allowed: str) -> str:
    """A Content-Security-Policy that forbids everything but what is `allowed`."""
    rules = {"default_src": "'none'", "base_uri": "'none'", "form_action": "'none'"}
    rules |= {"frame_ancestors": "'none'"} | allowed
    return "; ".join(f"{name.replace('_', '-')} {value}".strip() for name, value in rules.items())


_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Images from data: are the icon; trusted types let no script write markup.
PAGE_HEADERS = _FOR_ALL | {
    "Content-Security-Policy": _policy(
        script_src="'self'",
        style_src="'self'",
        img_src="data:",
        connect_src="'self'",
        require_trusted_types_for="'script'",
        trusted_types="'none'",
    ),
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Vary": "Accept",
}
# Whoever published the version wrote the report: it may look as it likes, and do nothing.
REPORT_HEADERS = _FOR_ALL | {
    "Content-Security-Policy": _policy(sandbox="", style_src="'unsafe-inline'", img_src="data:"),
    "Cache-Control": "no-cache",
}


@routes.get("/")
def home() -> Answer | Response:
    """The page to draw digits on; a word for a program that only asks whether someone is there."""
    if "text/html" in request.environ.get("HTTP_ACCEPT", ""):
        return _file("index.html", PAGE_HEADERS)
    return json_answer({"status": "alive"}, headers=[*_FOR_ALL.items(), ("Vary", "Accept")])


@routes.get("/page/<name>")
def file(name: str) -> Response:
    """A script or style sheet of the page."""
    return _file(name, _FOR_ALL)


@routes.get("/model")
def model() -> Answer:
    """The card of the version that answers."""
    headers = [*_FOR_ALL.items(), ("Cache-Control", "no-cache")]
    return Answer(_card().model_dump_json().encode(), headers=headers)


@routes.get("/model/report")
def report() -> Response:
    """The training report of the version that answers, from the registry, digest-checked."""
    card = _card()
    if REPORT_FILE not in card.files:
        raise NotFound(f"{card.name} version {card.version} was registered without a report.")
    response = Response(_fetched(card), mimetype="text/html", headers=REPORT_HEADERS)
    response.set_etag(card.files[REPORT_FILE].digest)
    response.make_conditional(request)
    return response


def _file(name: str, headers: dict[str, str]) -> Response:
    response = send_from_directory(FOLDER, name)
    response.headers.update(headers)
    return response


def _card() -> "ModelCard":
    card: ModelCard = current_app.extensions["models"].choose().card
    return card


def _fetched(card: "ModelCard") -> bytes:
    try:
        return _registry().fetch(card, REPORT_FILE)
    except StoreUnavailableError:
        raise ServiceUnavailable(
            "The report cannot be had just now: the store is away. Try again later.",
            retry_after=_RETRY_AFTER_S,
        ) from None
    except RegistryError as error:
        _log.error("a report could not be had: %s", error)
        raise BadGateway("The registry no longer has the report as it was published.") from None


def _registry() -> "Registry":
    """Opened by the first to ask, in its worker: a connection does not survive a fork."""
    registry: Registry | None = current_app.extensions.get("registry")
    if registry is None:
        # Imported here: nobody's first prediction waits for it.
        from registry.settings import open_registry

        settings = current_app.extensions["settings"]
        registry = current_app.extensions["registry"] = open_registry(settings.registry)
    return registry
