"""Triton's model repository: which versions there are, and load and unload for administrators."""

from typing import Any

from flask import Blueprint, request

from service.access.admin import admin_only
from service.errors import InputError
from service.http import Answer, json_answer, parse_json, read_body
from service.protocols.open_inference.document import member, parameters_of, refusal
from service.protocols.open_inference.routes import models, version_number

routes = Blueprint("model_repository", __name__, url_prefix="/v2/repository")


@routes.post("/index")
def index() -> Answer:
    """All registered versions; with `ready` in the body, those in memory."""
    only_ready = member(_document(), "ready", bool, "true or false", [])
    entries = [_entry(version) for version in models().versions()]
    return json_answer([entry for entry in entries if not only_ready or entry["state"] == "READY"])


@routes.post("/models/<model>/load")
@admin_only
def load(model: str) -> Answer:
    """Go along with the alias now; the present version answers until the new one can."""
    version_number(model, None)
    _refuse_overrides(parameters_of(_document(), []))
    card = models().load().card
    return json_answer({"name": card.name, "version": str(card.version), "state": "READY"})


@routes.post("/models/<model>/unload")
@admin_only
def unload(model: str) -> Answer:
    """Answer no more, in any process, until `load`."""
    version_number(model, None)
    models().unload()
    return json_answer({"name": model, "state": "UNAVAILABLE"})


def _entry(version: int) -> dict[str, str]:
    entry = {"name": models().name, "version": str(version)}
    if version in models().loaded():
        return {**entry, "state": "READY"}
    reason = models().refused.get(version, "not loaded, until it is asked for")
    return {**entry, "state": "UNAVAILABLE", "reason": reason}


def _document() -> dict[str, Any]:
    """The body: clients that have nothing to say send none, or an empty object."""
    body = read_body(request.environ)
    document = parse_json(body) if body else {}
    if not isinstance(document, dict):
        raise refusal([], expected="an object", got=document, kind="wrong-type")
    return document


def _refuse_overrides(parameters: dict[str, Any]) -> None:
    """Models come from the registry alone, where they are verified."""
    overrides = [name for name in parameters if name == "config" or name.startswith("file:")]
    if overrides:
        raise InputError(
            f"Models are loaded from the registry as they are, without {overrides[0][:60]!r}: "
            "publish a version there, promote it, and load without parameters.",
            kind="override-refused",
        )
