"""What Prometheus scrapes."""

from flask import Blueprint, current_app, request

from service.http import Answer

routes = Blueprint("metrics", __name__)

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@routes.get("/metrics")
def metrics() -> Answer:
    """The metrics of all workers, in the format that the scraper prefers."""
    is_open = "application/openmetrics-text" in request.environ.get("HTTP_ACCEPT", "")
    shown = current_app.extensions["telemetry"].metrics.exposition(open_metrics=is_open)
    return Answer(shown, _OPEN_METRICS if is_open else _TEXT)
