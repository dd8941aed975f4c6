"""The OpenAPI 3.1 document of an application: its routes, and what `operations` says of them."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from service.access.gate import METRICS_PATH, OPEN_PATHS, OPEN_PREFIXES
from service.errors import JSON_PATHS
from service.http import JSON
from service.protocols.open_inference.metadata import RELEASE
from service.protocols.openapi.components import HEADERS, REFERENCE, Document, components
from service.protocols.openapi.examples import EXAMPLES
from service.protocols.openapi.kinds import KINDS
from service.protocols.openapi.operations import OPERATIONS, Forms, Operation
from service.settings import ServiceSettings

_PROBLEM_JSON = "application/problem+json"

_ABOUT = """\
Reads handwritten digits. Every protocol asks the same model: choose the one your client speaks.

An image as numbers is 28 rows of 28 whole numbers from 0 to 255, white ink on black, as MNIST has
them; nothing else is guessed at. A picture file may be of any size, dark on light or light on dark.

Bodies of up to {max_body_bytes:,} bytes are read, also after decompression (`Content-Encoding:
gzip` or `deflate`), with up to {max_batch:,} images, and pictures of up to {max_image_pixels:,}
pixels.

Every error has one body: `error` is a sentence for people, `type` the address of what its kind
means, `errors` where in the body what was expected and what was found.
"""


def describe(app: Flask) -> Document:
    """The document for all routes of `app` but static files."""
    settings: ServiceSettings = app.extensions["settings"]
    document: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Ziffer",
            "version": RELEASE,
            "summary": "Reads handwritten digits.",
            "description": _ABOUT.format(**_limits(settings)),
            "x-limits": _limits(settings),
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(op.tag for op in OPERATIONS.values())],
        "paths": {},
        "components": components(settings),
    }
    if settings.api_keys:
        document["security"] = [{"bearer": []}, {"apiKey": []}]
    for rule in described_rules(app):
        item = document["paths"].setdefault(openapi_path(rule), {})
        item[_method(rule).lower()] = _operation(app, rule, settings)
    return document


def described_rules(app: Flask) -> Iterator[Rule]:
    """The routes of `app` but static files, in the order of OPERATIONS."""
    order = {endpoint: place for place, endpoint in enumerate(OPERATIONS)}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in OPERATIONS]
    # Of two routes with one address, the first answers: Vertex AI may call its own as ours are.
    first = {(rule.rule, _method(rule)): rule for rule in reversed(rules)}
    yield from sorted(first.values(), key=lambda rule: (order[rule.endpoint], rule.rule))


def openapi_path(rule: Rule) -> str:
    """The address of a route as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _limits(settings: ServiceSettings) -> dict[str, int]:
    names = ("max_body_bytes", "max_batch", "max_image_pixels")
    return {name: getattr(settings, name) for name in names}


def _method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def _operation(app: Flask, rule: Rule, settings: ServiceSettings) -> Document:
    described = OPERATIONS[rule.endpoint]
    summary, _, rest = cleandoc(app.view_functions[rule.endpoint].__doc__ or "").partition("\n")
    path = openapi_path(rule)
    operation: Document = {
        "operationId": f"{_method(rule).lower()}{re.sub('[^A-Za-z0-9]+', '_', path)}",
        "tags": [described.tag],
        "summary": summary.rstrip("."),
        "responses": _responses(described, rule, settings),
    }
    if rest.strip():
        operation["description"] = rest.strip()
    names = [*sorted(rule.arguments), *described.parameters]
    if names:
        operation["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    if described.bodies:
        operation["requestBody"] = {
            "required": not described.body_is_optional,
            "content": _content(described.bodies),
        }
    if settings.api_keys and not _needs_key(rule.rule, settings):
        operation["security"] = []
    return operation


def _content(forms: Forms) -> Document:
    return {media_type: _form(media_type, forms[media_type]) for media_type in forms}


def _form(media_type: str, body: type[Any] | None) -> Document:
    if body is None:
        return {"schema": _foreign(media_type)}
    form: Document = {"schema": {"$ref": REFERENCE.format(model=body.__name__)}}
    if body.__name__ in EXAMPLES:
        reference = {"$ref": f"#/components/examples/{body.__name__}"}
        form["examples"] = {"example": reference}
    return form


def _foreign(media_type: str) -> Document:
    """The schema of a body that others have specified."""
    if media_type == JSON:
        return {"type": "object"}
    is_text = media_type.startswith("text/") or media_type.endswith("jsonlines")
    return {"type": "string"} if is_text else {"type": "string", "format": "binary"}


def _responses(described: Operation, rule: Rule, settings: ServiceSettings) -> Document:
    responses: Document = {
        "200": {
            "description": "The answer.",
            "headers": _headers(*_answer_headers(described)),
            "content": _content(described.answers),
        }
    }
    for status in sorted(_error_statuses(described, rule, settings)):
        responses[str(status)] = _problem(status, rule.rule.startswith(_json_paths(settings)))
    for status, description in described.others.items():
        problem = _problem(status, is_json=False) if status >= 400 else {}
        responses[str(status)] = {**problem, "description": description}
    if described.unready:
        responses["503"] = {
            "description": "There is no model to answer with, or the service is about to stop.",
            "headers": _headers("RequestId", "RetryAfter"),
            "content": _content({JSON: described.unready}),
        }
    return responses


def _answer_headers(described: Operation) -> list[str]:
    headers = ["RequestId"]
    if described.reads and described.bodies and not described.is_admin:
        headers += ["ModelVersion", "ModelDigest", "ServerTiming"]
    if "InferenceHeaderContentLength" in described.parameters:
        headers.append("JsonLength")
    return headers


def _headers(*names: str) -> Document:
    return {HEADERS[name][0]: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error_statuses(described: Operation, rule: Rule, settings: ServiceSettings) -> set[int]:
    needs_key = _needs_key(rule.rule, settings)
    reasons: list[tuple[object, set[int]]] = [
        (described.bodies, {400, 408, 413, 415, 503}),
        (described.reads, {503}),
        (rule.arguments - {"name", "kind"}, {404}),
        (described.is_admin, {403}),
        (settings.api_keys and needs_key, {401}),
        (settings.rate_limit and needs_key, {429}),
    ]
    return set().union(*(statuses for holds, statuses in reasons if holds))


def _needs_key(path: str, settings: ServiceSettings) -> bool:
    """Whether it would, where there are keys: such routes are limited in rate as well."""
    if path == METRICS_PATH:
        return settings.metrics_need_key
    is_open = path in {*OPEN_PATHS, settings.vertex_health_route}
    return not is_open and not path.startswith(OPEN_PREFIXES)


def _json_paths(settings: ServiceSettings) -> tuple[str, ...]:
    own = settings.vertex_predict_route
    return (*JSON_PATHS, own) if own else JSON_PATHS


def _problem(status: int, is_json: bool) -> Document:
    kinds = {kind: each for kind, each in KINDS.items() if each.status == status}
    headers = ["RequestId", *(["RetryAfter"] if status in {429, 503} else [])]
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(kinds)}.",
        "headers": _headers(*headers),
        "content": {
            JSON if is_json else _PROBLEM_JSON: {
                "schema": {"$ref": REFERENCE.format(model="Problem")},
                "examples": {kind: {"$ref": f"#/components/examples/{kind}"} for kind in kinds},
            }
        },
    }
