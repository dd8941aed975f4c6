"""The page for people, and what it tells of the model: its card and its report."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, request, send_from_directory
from werkzeug.exceptions import BadGateway, NotFound

from registry.errors import RegistryError, StoreUnavailableError
from service.access.headers import PAGE_HEADERS
from service.errors import ModelUnavailableError
from service.http import Answer, json_answer

if TYPE_CHECKING:
    from registry.card import ModelCard
    from service.models.served import Models

routes = Blueprint("page", __name__)

FOLDER = Path(__file__).parents[1] / "page"
REPORT_FILE = "report.html"

_log = logging.getLogger("service")


def content_policy(**allowed: str) -> str:
    """A Content-Security-Policy that forbids everything but what is `allowed`."""
    rules = {"default_src": "'none'", "base_uri": "'none'", "form_action": "'none'"}
    rules |= {"frame_ancestors": "'none'"} | allowed
    return "; ".join(f"{name.replace('_', '-')} {value}".strip() for name, value in rules.items())


# Images from data: are the icon; trusted types let no script write markup.
HOME_HEADERS = {
    "Content-Security-Policy": content_policy(
        script_src="'self'",
        style_src="'self'",
        img_src="data:",
        connect_src="'self'",
        require_trusted_types_for="'script'",
        trusted_types="'none'",
    ),
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Vary": "Accept",
    **dict(PAGE_HEADERS),
}
# Whoever published the version wrote the report: it may look as it likes, and do nothing.
REPORT_HEADERS = {
    "Content-Security-Policy": content_policy(
        sandbox="", style_src="'unsafe-inline'", img_src="data:"
    ),
    "Cache-Control": "no-cache",
    **dict(PAGE_HEADERS),
}


@routes.get("/")
def home() -> Answer | Response:
    """The page to draw digits on; a word for a program that only asks whether someone is there."""
    if "text/html" in request.environ.get("HTTP_ACCEPT", ""):
        return _file("index.html", HOME_HEADERS)
    return json_answer({"status": "alive"}, headers=[("Vary", "Accept")])


@routes.get("/page/<name>")
def file(name: str) -> Response:
    """A script or style sheet of the page."""
    return _file(name, dict(PAGE_HEADERS))


@routes.get("/model")
def card() -> Answer:
    """The card of the version that answers."""
    return Answer(_card().model_dump_json().encode())


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


def _models() -> "Models":
    models: Models = current_app.extensions["models"]
    return models


def _card() -> "ModelCard":
    """That of what answers most: a canary has a card too, which is not the one people ask for."""
    models = _models()
    primary = models.named.get("primary") or models.choose()
    return primary.card


def _fetched(card: "ModelCard") -> bytes:
    models = _models()
    try:
        return models.registry.fetch(card, REPORT_FILE)
    except StoreUnavailableError:
        raise ModelUnavailableError(
            "The report cannot be had just now: the store is away. Try again later.",
            retry_after_s=models.retry_after_s,
        ) from None
    except RegistryError as error:
        _log.error("a report could not be had: %s", error)
        raise BadGateway("The registry no longer has the report as it was published.") from None
