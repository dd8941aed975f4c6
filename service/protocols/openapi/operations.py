"""What each route takes and gives; where it is and what it is for is said by the route itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from registry.card import ModelCard
from service import schemas
from service.http import JSON

Forms = Mapping[str, type[BaseModel] | None]
"""What a body holds, by its media type; None: bytes or text that are not JSON."""

_BINARY = "application/octet-stream"
_IMAGES: Forms = {"image/png": None, "image/jpeg": None, "image/webp": None, "image/gif": None}
_PICTURES: Forms = {**_IMAGES, "image/bmp": None, "multipart/form-data": schemas.ImageForm}


@dataclass(frozen=True)
class Operation:
    """One route."""

    tag: str
    answers: Forms
    bodies: Forms = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    """Of the components, besides those in the path."""
    reads: bool = False
    """Whether a model is asked."""
    is_admin: bool = False
    body_is_optional: bool = False
    unready: type[BaseModel] | None = None
    """The body of a 503 that is no error."""
    others: Mapping[int, str] = field(default_factory=dict)
    """Further answers, and when they are given."""


def _json(body: type[BaseModel]) -> Forms:
    return {JSON: body}


_FILES: Forms = {**_IMAGES, "image/bmp": None, _BINARY: None}
_INFERENCE = Operation(
    "Open Inference Protocol",
    {JSON: schemas.InferenceResponse, _BINARY: None},
    {JSON: schemas.InferenceRequest, _BINARY: None},
    parameters=("InferenceHeaderContentLength", "RoutingKey"),
    reads=True,
)
_INVOCATION = Operation(
    "SageMaker",
    {
        JSON: schemas.InstancesResponse,
        "text/csv": None,
        "application/jsonlines": None,
        "application/x-npy": None,
    },
    {
        JSON: schemas.InstancesRequest,
        "application/jsonlines": None,
        "text/csv": None,
        "application/x-npy": None,
        "application/x-npz": None,
        **_FILES,
    },
    parameters=("RoutingKey",),
    reads=True,
)
_INSTANCES = Operation(
    "KServe V1",
    _json(schemas.InstancesResponse),
    _json(schemas.InstancesRequest),
    parameters=("RoutingKey",),
    reads=True,
)
_PAGE: Forms = {"text/html": None}

OPERATIONS = {
    "predict.predict": Operation(
        "Predict",
        _json(schemas.Prediction),
        {**_PICTURES, JSON: schemas.PixelsRequest, _BINARY: None},
        parameters=("TopK", "Explain", "RoutingKey"),
        reads=True,
    ),
    "predict.read": Operation(
        "Predict",
        _json(schemas.NumberRead),
        {**_PICTURES, _BINARY: None},
        parameters=("RoutingKey",),
        reads=True,
    ),
    "health.live": Operation("Health", _json(schemas.Health)),
    "health.ready": Operation("Health", _json(schemas.Health), unready=schemas.Health),
    "metrics.metrics": Operation(
        "Health", {"text/plain": None, "application/openmetrics-text": None}
    ),
    "open_inference.server_metadata": Operation(
        "Open Inference Protocol", _json(schemas.ServerMetadata)
    ),
    "open_inference.model_names": Operation("Open Inference Protocol", _json(schemas.ModelNames)),
    "open_inference.model_metadata": Operation(
        "Open Inference Protocol", _json(schemas.ModelMetadata), reads=True
    ),
    "open_inference.model_config": Operation(
        "Open Inference Protocol", _json(schemas.ModelConfig), reads=True
    ),
    "open_inference.model_ready": Operation(
        "Open Inference Protocol", _json(schemas.ModelReady), reads=True
    ),
    "open_inference.model_statistics": Operation(
        "Open Inference Protocol", _json(schemas.ModelStatistics)
    ),
    "open_inference.model_infer": _INFERENCE,
    "model_repository.index": Operation(
        "Model repository",
        _json(schemas.RepositoryIndex),
        _json(schemas.IndexRequest),
        body_is_optional=True,
    ),
    "model_repository.load": Operation(
        "Model repository",
        _json(schemas.RepositoryResponse),
        _json(schemas.RepositoryRequest),
        body_is_optional=True,
        is_admin=True,
        reads=True,
    ),
    "model_repository.unload": Operation(
        "Model repository",
        _json(schemas.RepositoryResponse),
        _json(schemas.RepositoryRequest),
        body_is_optional=True,
        is_admin=True,
    ),
    "kserve_v1.model_names": Operation("KServe V1", _json(schemas.ModelNames)),
    "kserve_v1.model_status": Operation(
        "KServe V1", _json(schemas.ModelStatus), unready=schemas.ModelStatus
    ),
    "kserve_v1.predict": _INSTANCES,
    "sagemaker.ready": Operation("SageMaker", _json(schemas.Health), unready=schemas.Health),
    "sagemaker.execution_parameters": Operation("SageMaker", _json(schemas.ExecutionParameters)),
    "sagemaker.invocations": _INVOCATION,
    "sagemaker.invoke_endpoint": _INVOCATION,
    "vertex.ready": Operation("Vertex AI", _json(schemas.Health), unready=schemas.Health),
    "vertex.answer_instances": Operation("Vertex AI", _INSTANCES.answers, _INSTANCES.bodies),
    "page.home": Operation("Pages", {JSON: schemas.Alive, **_PAGE}),
    "page.card": Operation("Pages", _json(ModelCard), reads=True),
    "page.report": Operation(
        "Pages",
        _PAGE,
        reads=True,
        others={
            304: "It is as it was, by If-None-Match.",
            404: "The version was registered without a report.",
            502: "The registry no longer has the report as it was published.",
        },
    ),
    "docs.page": Operation("Pages", _PAGE),
    "docs.description": Operation("Pages", {JSON: None}),
    "docs.error_kind": Operation(
        "Pages",
        _json(schemas.ErrorKind),
        others={303: "For a browser: the place in /docs.", 404: "There is no such kind of error."},
    ),
}
"""By endpoint, as Flask calls a view within its blueprint."""

STATIC = frozenset({"page.file"})
"""The endpoints that are no interface: files of the pages."""
