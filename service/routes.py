"""The routes: HTTP in, HTTP out."""

from flask import Blueprint, Response, current_app, request
from pydantic import BaseModel

from registry.contract import IMAGE_SIDE
from service.classifier import Served
from service.pixels import read_pixels
from service.schemas import Health, Prediction, ServedModel
from service.settings import ServiceSettings

routes = Blueprint("routes", __name__)


@routes.post("/predict")
def predict() -> Response:
    """Read the digit in an image."""
    settings: ServiceSettings = current_app.extensions["settings"]
    served: Served = current_app.extensions["served"]
    pixels = read_pixels(request, max_image_pixels=settings.max_image_pixels)
    classifier = served.classifier
    reading = classifier.predict(pixels.reshape(1, IMAGE_SIDE, IMAGE_SIDE))
    (probabilities,) = reading.probabilities
    digit = int(probabilities.argmax())
    return _json(
        Prediction(
            digit=digit,
            confidence=float(probabilities[digit]),
            probabilities=probabilities.tolist(),
            not_a_digit=None if reading.not_a_digit is None else float(reading.not_a_digit[0]),
            model=ServedModel(
                name=classifier.card.name,
                version=classifier.card.version,
                digest=classifier.digest,
            ),
            pixels=pixels.tolist() if request.args.get("explain") in {"true", "1"} else None,
        )
    )


@routes.get("/healthz")
@routes.get("/v2/health/live")
@routes.get("/v2/health/ready")
def health() -> Response:
    """Live and ready: the service listens only while it has a model."""
    served: Served = current_app.extensions["served"]
    return _json(Health(live=True, ready=True, stale=served.is_stale or None))


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(exclude_none=True), mimetype="application/json")
