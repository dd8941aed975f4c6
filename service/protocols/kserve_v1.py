"""KServe's V1 protocol, which is TensorFlow Serving's as well.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

from flask import Blueprint, current_app, request

from service.errors import ModelNotFoundError
from service.http import Answer, json_answer, read_body
from service.inference import Stages, infer_batch
from service.protocols.instances import predictions, read_instances

routes = Blueprint("kserve_v1", __name__)


@routes.get("/v1/models")
def models() -> Answer:
    """The name of the one model."""
    return json_answer({"models": [current_app.extensions["models"].name]})


@routes.get("/v1/models/<name>")
def model(name: str) -> Answer:
    """Whether the model is ready, in KServe's words and in TensorFlow Serving's."""
    _check_name(name)
    served = current_app.extensions["models"]
    is_ready = served.is_ready
    versions = [
        {
            "version": str(version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        for version in served.loaded()
    ]
    return json_answer(
        {"name": name, "ready": is_ready, "model_version_status": versions},
        status_code=200 if is_ready else 503,
    )


@routes.post("/v1/models/<name>:predict")
@routes.post("/v1/models/<name>/versions/<int:version>:predict")
def predict(name: str, version: int | None = None) -> Answer:
    """`instances` in, `predictions` out."""
    _check_name(name)
    return answer_instances(version)


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


def _check_name(name: str) -> None:
    known = current_app.extensions["models"].name
    if name != known:
        raise ModelNotFoundError(f"There is no model {name!r} here: there is {known!r}.")
