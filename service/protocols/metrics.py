"""The metrics, as Prometheus asks for them."""

from flask import Blueprint, current_app, request

from service.http import Answer
from service.telemetry.exposition import OPEN_METRICS_TYPE, PROMETHEUS_TYPE

routes = Blueprint("metrics", __name__)


@routes.get("/metrics")
def metrics() -> Answer:
    """What all processes of the service have counted."""
    is_open = "application/openmetrics-text" in request.environ.get("HTTP_ACCEPT", "")
    body = current_app.extensions["telemetry"].metrics.exposition(open_metrics=is_open)
    return Answer(body, OPEN_METRICS_TYPE if is_open else PROMETHEUS_TYPE)
