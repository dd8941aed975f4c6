"""The description of the service says what the service does: every route, every answer."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from PIL import Image
from playwright.sync_api import Browser
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from service import errors
from service.app import create_app
from service.models.served import Models
from service.protocols.openapi.examples import EXAMPLES
from service.protocols.openapi.kinds import KINDS
from service.protocols.openapi.operations import OPERATIONS, STATIC
from service.serving import upload
from service.settings import ServiceSettings
from tests.drawings import encoded
from tests.programs import ROOT
from tests.test_service_arrays import npy, npz

VERTEX = {"vertex_health_route": "/vertex-health", "vertex_predict_route": "/vertex-predict"}
EVERYTHING_OPTIONAL = frozenset({"vertex.ready", "vertex.answer_instances"})
ONE = np.zeros((1, 28, 28), np.uint8)


def described(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.get_json()
    return document


@pytest.fixture(scope="module")
def app(models: Models) -> Flask:
    """With all routes that there can be."""
    return create_app(ServiceSettings(**VERTEX), models)


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return described(app)


def rules_of(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in STATIC]


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_is_described_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in rules_of(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert routes == {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    assert {rule.endpoint for rule in rules_of(app)} == set(OPERATIONS)


def test_without_a_platform_its_routes_are_not_described(client: FlaskClient) -> None:
    paths = described(client.application)["paths"]

    assert "/vertex-health" not in paths
    assert {rule.endpoint for rule in rules_of(client.application)} == (
        set(OPERATIONS) - EVERYTHING_OPTIONAL
    )


def test_a_route_that_is_called_as_another_is_described_once(models: Models) -> None:
    settings = ServiceSettings(vertex_predict_route="/predict")

    operation = described(create_app(settings, models))["paths"]["/predict"]["post"]

    assert operation["tags"] == ["Vertex AI"]
    assert "application/json" in operation["responses"]["400"]["content"]


def faults(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """What keeps a body from being what its schema says."""
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_what_its_schema_says(document: dict[str, Any], name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}"}

    assert faults(document, schema, EXAMPLES[name]) == []


@cache
def requests() -> dict[str, bytes]:
    """A body of each media type that is described."""
    kinds = ("png", "jpeg", "webp", "gif", "bmp")
    files = {f"image/{kind}": encoded(Image.linear_gradient("L"), kind.upper()) for kind in kinds}
    form = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n%s\r\n--b--\r\n'
    )
    return {
        **files,
        "multipart/form-data": form % files["image/png"],
        "application/octet-stream": ONE.tobytes(),
        "application/jsonlines": json.dumps(ONE[0].tolist()).encode(),
        "application/x-npy": npy(ONE),
        "application/x-npz": npz(npy(ONE)),
        "text/csv": b",".join([b"0"] * 784),
    }


def examples(document: dict[str, Any]) -> list[tuple[str, str, str, bytes, str]]:
    """A request of each route in each form: path, method, type, body and accepted type."""
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for accept in operation["responses"]["200"]["content"]:
                for media_type in operation.get("requestBody", {}).get("content", {"": None}):
                    body = requests().get(media_type, b"")
                    if media_type == "application/json":
                        form = operation["requestBody"]["content"][media_type]
                        name = form["schema"]["$ref"].rpartition("/")[2]
                        body = json.dumps(EXAMPLES.get(name, {})).encode()
                    found.append((path, method, media_type, body, accept))
    return found


def asked(client: FlaskClient, path: str, method: str, **request: Any) -> TestResponse:  # noqa: ANN401
    named = {"model": "digits", "version": "1", "name": "any", "kind": "too-large"}
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", value)
    return client.open(path, method=method.upper(), buffered=True, **request)


def check(document: dict[str, Any], path: str, method: str, answer: TestResponse) -> None:
    """That an answer is one of those that the document promises."""
    response = document["paths"][path][method]["responses"][str(answer.status_code)]
    for header in response.get("headers", {}):
        is_optional = header == "Inference-Header-Content-Length"
        assert is_optional or header in answer.headers, (path, header)
    assert answer.mimetype is not None
    schema = response["content"][answer.mimetype]["schema"]
    if answer.mimetype.endswith("json"):
        assert faults(document, schema, answer.get_json()) == [], path


def test_every_route_answers_as_described(app: Flask, document: dict[str, Any]) -> None:
    client = app.test_client()

    answered = set()
    for path, method, media_type, body, accept in examples(document):
        headers = {"Content-Type": media_type, "Accept": accept}
        if media_type.startswith("multipart"):
            headers["Content-Type"] += "; boundary=b"
        if media_type.endswith("octet-stream") and path.endswith("infer"):
            headers["Inference-Header-Content-Length"] = "0"
        if path == "/read" and media_type == "application/octet-stream":
            body = requests()["image/png"]
        answer = asked(client, path, method, data=body, headers=headers)
        is_admin = "403" in document["paths"][path][method]["responses"]
        is_redirect = answer.status_code == 303
        if not is_redirect:
            check(document, path, method, answer)
            assert answer.status_code == (403 if is_admin else 200), (path, media_type, answer.text)
        answered.add(path)
    assert answered == set(document["paths"])


def test_every_refusal_is_as_described(app: Flask, document: dict[str, Any]) -> None:
    client = app.test_client()

    for path, method, media_type, _, _ in examples(document):
        if not media_type or "403" in document["paths"][path][method]["responses"]:
            continue
        headers = {"Content-Type": media_type}
        for body, coding in ((b"{", ""), (b"\0", ""), (b"x", "gzip"), (b"x", "br")):
            refused = asked(
                client, path, method, data=body, headers={**headers, "Content-Encoding": coding}
            )
            # A form is read by Flask, which knows no compression.
            assert refused.status_code in (400, 415), (path, media_type, refused.text)
            check(document, path, method, refused)
        large = asked(client, path, method, data=bytes(6_000_001), headers=headers)
        assert large.status_code == 413
        check(document, path, method, large)


def test_without_a_model_the_answers_are_as_described(tmp_path: Path) -> None:
    settings = ServiceSettings(registry={"store": str(tmp_path)}, wait_for_model=True, **VERTEX)
    models = Models(settings)
    models.prepare()
    app = create_app(settings, models)
    document = described(app)

    statuses = set()
    for path, method, media_type, body, _ in examples(document):
        if media_type in ("", "application/json"):
            answer = asked(
                app.test_client(), path, method, data=body, headers={"Content-Type": media_type}
            )
            check(document, path, method, answer)
            statuses.add(answer.status_code)
    assert {200, 503} <= statuses <= {200, 403, 404, 503}


def test_keys_and_limits_are_described_where_there_are_any(
    models: Models, document: dict[str, Any], tmp_path: Path
) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text("")
    settings = ServiceSettings(api_keys=keys, rate_limit=5, max_batch=77)

    guarded = described(create_app(settings, models))

    assert "security" not in document
    assert "securitySchemes" not in document["components"]
    validate(guarded)
    assert guarded["security"] == [{"bearer": []}, {"apiKey": []}]
    assert {"401", "429"} <= set(guarded["paths"]["/predict"]["post"]["responses"])
    assert guarded["paths"]["/ping"]["get"]["security"] == []
    assert "401" not in guarded["paths"]["/ping"]["get"]["responses"]
    assert guarded["info"]["x-limits"]["max_batch"] == 77
    assert "up to 77 images" in guarded["info"]["description"]


def kinds_in_the_code() -> set[str]:
    """What is written as the `kind` of an error anywhere in the service."""
    found = {"not-found", "method-not-allowed", "bad-request", "bad-gateway"}
    found |= {"requested-range-not-satisfiable"}  # Werkzeug's, for a file of the page.
    for file in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.keyword) and node.arg == "kind":
                values = [node.value]
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_mismatch":
                values = node.args[2:]
            for value in values:
                found |= {
                    part.value
                    for part in ast.walk(value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    if re.fullmatch("[a-z]+(-[a-z0-9]+)+|internal", part.value)
                }
    kinds = subclasses(errors.RequestError)
    assert upload.TooSlowError in kinds
    return found | {each.kind for each in kinds}


def subclasses(of: type[errors.RequestError]) -> set[type[errors.RequestError]]:
    return {of}.union(*(subclasses(each) for each in of.__subclasses__()))


def test_every_kind_of_error_is_explained_and_no_other() -> None:
    assert kinds_in_the_code() == set(KINDS)


def test_the_type_of_an_error_leads_to_what_it_means(client: FlaskClient) -> None:
    problem = client.post("/predict", data=b"[1]", content_type="application/json").get_json()

    meaning = client.get(problem["type"]).get_json()

    assert meaning["status"] == problem["status"] == 400
    assert meaning["title"] == problem["title"]
    browser = client.get(problem["type"], headers={"Accept": "text/html,*/*"})
    assert browser.status_code == 303
    place = browser.headers["Location"]
    assert f'id="{place.partition("#")[2]}"' in client.get("/docs").text
    assert client.get("/errors/of-no-kind").status_code == 404


def test_the_page_shows_every_operation_and_every_kind(
    client: FlaskClient, app: Flask, document: dict[str, Any]
) -> None:
    page = app.test_client().get("/docs")

    assert page.mimetype == "text/html"
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text, path
    targets = set(re.findall(r'href="#([^"]+)"', page.text))
    assert targets <= set(re.findall(r'id="([^"]+)"', page.text))
    assert not re.search(r'(src|href)="(https?:)?//', page.text)


def test_the_page_can_do_nothing_but_be_read(browser: Browser, service_url: str) -> None:
    page = browser.new_page(color_scheme="dark", viewport={"width": 360, "height": 640})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    answer = page.goto(f"{service_url}/docs#body-Prediction")

    assert answer is not None
    assert "script-src" not in answer.headers["content-security-policy"]
    assert page.locator("#body-Prediction").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 21, 19)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert complaints == []
    page.close()
