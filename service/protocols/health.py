"""Whether the service lives, and whether it can answer."""

from typing import TYPE_CHECKING

from flask import Blueprint, current_app

from service.http import Answer, json_answer

if TYPE_CHECKING:
    from service.models.served import Models

routes = Blueprint("health", __name__)


@routes.get("/healthz")
@routes.get("/v2/health/live")
def live() -> Answer:
    """The process answers."""
    return _health(200)


@routes.get("/v2/health/ready")
def ready() -> Answer:
    """There is a model to answer with, and time to do so."""
    return _health(200 if is_ready() else 503)


def is_ready() -> bool:
    """Whether requests are answered now, and will be in a moment."""
    models: Models = current_app.extensions["models"]
    return models.is_ready and not current_app.extensions["drain"].is_draining


def _health(status_code: int) -> Answer:
    """Both members in each answer: every client reads another (Open Inference Protocol)."""
    models = current_app.extensions["models"]
    health = {"live": True, "ready": is_ready()}
    if models.is_stale:
        health["stale"] = True
    headers = [] if status_code == 200 else [("Retry-After", str(models.retry_after_s))]
    return json_answer(health, status_code=status_code, headers=headers)
