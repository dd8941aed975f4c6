"""KServe's V1 protocol, which is TensorFlow Serving's as well.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

from typing import Any

from flask import Blueprint, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from service.http import Answer, json_answer, read_body
from service.inference import Stages, infer_batch
from service.protocols.health import is_ready
from service.protocols.instances import predictions, read_instances
from service.protocols.open_inference.routes import models, version_number

routes = Blueprint("kserve_v1", __name__)


class _Name(BaseConverter):
    """What comes after a colon is a verb, and no part of a name."""

    regex = "[^/:]+"
    part_isolating = True


@routes.record_once
def _name_models(setup: BlueprintSetupState) -> None:
    setup.app.url_map.converters["name"] = _Name


@routes.get("/v1/models")
def model_names() -> Answer:
    """The name of the one model."""
    return json_answer({"models": [models().name]})


@routes.get("/v1/models/<name:model>")
@routes.get("/v1/models/<name:model>/versions/<name:version>")
def model_status(model: str, version: str | None = None) -> Answer:
    """Whether the model is ready, in KServe's words and in TensorFlow Serving's."""
    number = version_number(model, version)
    served = models()
    can_answer = is_ready()
    if can_answer and number is not None:
        loaded = [served.choose(number).card.version]
    else:
        loaded = served.loaded()
    return json_answer(
        {
            "name": served.name,
            "ready": can_answer,
            "model_version_status": [_status(version) for version in loaded],
        },
        status_code=200 if can_answer else 503,
        headers=[] if can_answer else [("Retry-After", str(served.retry_after_s))],
    )


@routes.post("/v1/models/<name:model>:predict")
@routes.post("/v1/models/<name:model>/versions/<name:version>:predict")
def predict(model: str, version: str | None = None) -> Answer:
    """Read digits: `instances` in, `predictions` out."""
    return answer_instances(version_number(model, version))


def answer_instances(version: int | None = None) -> Answer:
    """Read the request's instances and answer with a prediction for each."""
    stages = Stages()
    environ = request.environ
    batch = read_instances(read_body(environ))
    stages.end("decode")
    inference, verdicts = infer_batch(batch, stages, environ, version=version)
    card = inference.classifier.card
    body = {
        "predictions": predictions(verdicts),
        "model_name": card.name,
        "model_version": str(card.version),
    }
    return json_answer(body, inference=inference)


def _status(version: int) -> dict[str, Any]:
    return {
        "version": str(version),
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
