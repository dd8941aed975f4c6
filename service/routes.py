"""The routes: HTTP in, HTTP out."""

from flask import Blueprint, Response, current_app, request
from pydantic import BaseModel

from registry.contract import IMAGE_SIDE
from service.models import Models
from service.pixels import read_pixels
from service.schemas import Health, Prediction, ServedModel
from service.settings import ServiceSettings

routes = Blueprint("routes", __name__)

# The page needs nothing from elsewhere, so nothing from elsewhere may run in it.
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"


@routes.get("/")
def page() -> Response:
    """The page to draw digits on."""
    response = current_app.send_static_file("index.html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@routes.post("/predict")
def predict() -> Response:
    """Read the digit in an image."""
    settings: ServiceSettings = current_app.extensions["settings"]
    models: Models = current_app.extensions["models"]
    pixels = read_pixels(request, max_image_pixels=settings.max_image_pixels)
    classifier = models.choose(routing_key=request.headers.get("X-Routing-Key"))
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
    """Live, and ready unless there is no model."""
    models: Models = current_app.extensions["models"]
    response = _json(Health(live=True, ready=models.is_ready, stale=models.is_stale or None))
    if request.path.endswith("/ready") and not models.is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = str(models.retry_after_s)
    return response


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(exclude_none=True), mimetype="application/json")
