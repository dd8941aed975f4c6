"""What the operations of the OpenAPI document share: schemas, parameters, headers, examples."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from registry.contract import DIGITS
from service.protocols.openapi.examples import EXAMPLES, problem_example
from service.protocols.openapi.kinds import KINDS
from service.protocols.openapi.operations import OPERATIONS
from service.schemas import Problem
from service.settings import ServiceSettings

Document = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

HEADERS = {
    "RequestId": ("X-Request-Id", "The request's id in logs; the client's own, if it sent one."),
    "ModelVersion": ("X-Model-Version", "The version that answered."),
    "ModelDigest": ("X-Model-Digest", "SHA-256 of its file."),
    "ServerTiming": ("Server-Timing", "Milliseconds of each stage: decode and infer."),
    "RetryAfter": ("Retry-After", "Seconds after which to try again."),
    "JsonLength": (
        "Inference-Header-Content-Length",
        "Bytes of JSON in front of the tensors; absent where all is JSON.",
    ),
}
"""What answers carry: the name and what it means."""


def components(settings: ServiceSettings) -> Document:
    """All of them."""
    examples = {name: {"value": value} for name, value in EXAMPLES.items()}
    examples |= {
        kind: {"value": problem_example(kind, each.status, each.meaning)}
        for kind, each in KINDS.items()
    }
    shared: Document = {
        "schemas": _schemas(),
        "parameters": _parameters(settings.registry.model),
        "headers": {
            name: {"description": description, "schema": {"type": "string"}}
            for name, (_, description) in HEADERS.items()
        },
        "examples": examples,
    }
    if settings.api_keys:
        shared["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    return shared


class _Untitled(GenerateJsonSchema):
    """Without the titles that pydantic makes of fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - as pydantic has it
        return False


def _schemas() -> Document:
    forms = [
        form
        for operation in OPERATIONS.values()
        for forms in (operation.answers, operation.bodies)
        for form in forms.values()
        if form is not None
    ]
    models: dict[type[BaseModel], None] = dict.fromkeys([Problem, *forms])
    _, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=REFERENCE,
        schema_generator=_Untitled,
    )
    schemas: Document = definitions["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
    return schemas


def _parameters(model: str) -> Document:
    return {
        "model": _parameter("path", "model", "The model's name.", {"enum": [model]}),
        "version": _parameter(
            "path",
            "version",
            "The number of a version in the registry.",
            {"type": "string", "pattern": "^[0-9]{1,10}$"},
            example="1",
        ),
        "name": _parameter("path", "name", "Any name.", {"type": "string", "minLength": 1}),
        "kind": _parameter("path", "kind", "Of an error.", {"enum": list(KINDS)}),
        "TopK": _parameter(
            "query",
            "top_k",
            "How many of the likeliest digits to name.",
            {"type": "integer", "minimum": 1, "maximum": DIGITS, "default": 3},
        ),
        "Explain": _parameter(
            "query",
            "explain",
            "Show what the model saw, and why it reads that: `true`, or `1`.",
            {"type": "string", "examples": ["true"]},
        ),
        "RoutingKey": _parameter(
            "header",
            "X-Routing-Key",
            "Requests with one key are answered by one version, where there is a canary.",
            {"type": "string"},
        ),
        "InferenceHeaderContentLength": _parameter(
            "header",
            "Inference-Header-Content-Length",
            "Bytes of JSON in front of the tensors, where tensors follow it; 0: there is no JSON, "
            "only pixels.",
            {"type": "integer", "minimum": 0},
        ),
    }


def _parameter(place: str, name: str, description: str, schema: Document, **more: str) -> Document:
    return {
        "in": place,
        "name": name,
        "required": place == "path",
        "description": description,
        "schema": schema,
        **more,
    }
