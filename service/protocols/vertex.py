"""Vertex AI's custom containers: the routes are named by the environment.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

from flask import Blueprint

from service.protocols.health import ready
from service.protocols.kserve_v1 import answer_instances
from service.settings import ServiceSettings


def vertex_routes(settings: ServiceSettings) -> Blueprint | None:
    """The routes AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE; None where there are none."""
    if not (settings.vertex_health_route or settings.vertex_predict_route):
        return None
    routes = Blueprint("vertex", __name__)
    if settings.vertex_health_route:
        routes.get(settings.vertex_health_route)(ready)
    if settings.vertex_predict_route:
        routes.post(settings.vertex_predict_route)(answer_instances)
    return routes
