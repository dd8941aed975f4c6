"""The routes of the Open Inference Protocol: what is here, and what it says of images."""

from time import perf_counter
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, request

from service.errors import InputError, ModelNotFoundError
from service.http import JSON, Answer, json_answer, read_body
from service.inference import Inference, Stages, infer
from service.protocols.open_inference.compression import compressed
from service.protocols.open_inference.metadata import (
    config_document,
    model_document,
    server_document,
)
from service.protocols.open_inference.request import JSON_LENGTH_HEADER, read_request
from service.protocols.open_inference.response import InferenceResponse, write_response
from service.protocols.open_inference.statistics import Statistics, Timing

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from service.models.classifier import Classifier
    from service.models.served import Models
    from service.settings import ServiceSettings

routes = Blueprint("open_inference", __name__, url_prefix="/v2")

_BINARY = "application/octet-stream"
_LONGEST_NAME = 60


@routes.get("")
@routes.get("/")
def server_metadata() -> Answer:
    """Which extensions of the protocol there are."""
    return json_answer(server_document())


@routes.get("/models")
def model_names() -> Answer:
    """Not in the protocol, but in KServe."""
    return json_answer({"models": [models().name]})


@routes.get("/models/<model>")
@routes.get("/models/<model>/versions/<version>")
def model_metadata(model: str, version: str | None = None) -> Answer:
    """Names, types and shapes of what the model takes and gives."""
    card = _chosen(model, version).card
    return json_answer(model_document(card, models().versions()))


@routes.get("/models/<model>/config")
@routes.get("/models/<model>/versions/<version>/config")
def model_config(model: str, version: str | None = None) -> Answer:
    """The same in Triton's words."""
    card = _chosen(model, version).card
    return json_answer(config_document(card, max_batch=_settings().max_batch))


@routes.get("/models/<model>/ready")
@routes.get("/models/<model>/versions/<version>/ready")
def model_ready(model: str, version: str | None = None) -> Answer:
    """Whether the model answers: a version that is not loaded yet is loaded to find out."""
    card = _chosen(model, version).card
    return json_answer({"name": card.name, "ready": True})


@routes.get("/models/stats")
@routes.get("/models/<model>/stats")
@routes.get("/models/<model>/versions/<version>/stats")
def model_statistics(model: str | None = None, version: str | None = None) -> Answer:
    """How many requests by this protocol were answered and refused, and how long they took."""
    name = models().name
    number = _known_version(model or name, version)
    return json_answer(_statistics().document(name, number))


@routes.post("/models/<model>/infer")
@routes.post("/models/<model>/versions/<version>/infer")
def model_infer(model: str, version: str | None = None) -> Answer:
    """Read digits: tensors in, tensors out."""
    began = perf_counter()
    number = _known_version(model, version)
    try:
        return answer_tensors(read_body(request.environ), number)
    except InputError:
        _statistics().failed(number or models().choose().card.version, perf_counter() - began)
        raise


def answer_tensors(content: bytes, version: int | None = None) -> Answer:
    """The answer to the inference request in the body `content`."""
    began = perf_counter()
    stages = Stages()
    environ = request.environ
    header = environ.get("HTTP_INFERENCE_HEADER_CONTENT_LENGTH")
    asked = read_request(content, header, max_batch=_settings().max_batch)
    stages.end("decode")
    inference = infer(asked.pixels, stages, environ, version=version)
    response = write_response(asked, inference.reading, inference.classifier)
    timing = Timing(**dict(stages.taken), total=perf_counter() - began)
    _statistics().succeeded(inference.classifier.card.version, len(asked.pixels), timing)
    return _answer(response, inference, environ)


def models() -> "Models":
    """What answers."""
    served: Models = current_app.extensions["models"]
    return served


def version_number(model: str, version: str | None) -> int | None:
    """The version in the path; raises ModelNotFoundError for another model, or for no number."""
    name = models().name
    if model != name:
        raise ModelNotFoundError(f"There is no model {model[:_LONGEST_NAME]!r}, only {name}.")
    if version is None:
        return None
    # Versions have at most ten digits, and Python refuses to read numbers of some thousands.
    if not (version.isascii() and version.isdigit() and len(version) < 11):
        raise ModelNotFoundError(
            f"{name} has no version {version[:_LONGEST_NAME]!r}: versions are numbers from 1."
        )
    return int(version)


def _known_version(model: str, version: str | None) -> int | None:
    """As `version_number`; raises ModelNotFoundError as well where there is no such version."""
    number = version_number(model, version)
    if number is not None:
        models().choose(number)
    return number


def _chosen(model: str, version: str | None) -> "Classifier":
    return models().choose(version_number(model, version))


def _answer(
    response: InferenceResponse, inference: Inference, environ: "WSGIEnvironment"
) -> Answer:
    content, headers = compressed(response.content, environ)
    if response.json_length is None:
        return Answer(content, JSON, headers=headers, inference=inference)
    headers.append((JSON_LENGTH_HEADER, str(response.json_length)))
    return Answer(content, _BINARY, headers=headers, inference=inference)


def _settings() -> "ServiceSettings":
    settings: ServiceSettings = current_app.extensions["settings"]
    return settings


def _statistics() -> Statistics:
    statistics: Statistics = current_app.extensions["statistics"]
    return statistics
