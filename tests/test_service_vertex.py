"""Vertex AI's custom containers."""

import json

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.models.served import Models
from service.settings import ServiceSettings

BODY = json.dumps({"instances": [[0] * 784], "parameters": {}})


def client_of(models: Models, **settings: str) -> FlaskClient:
    return create_app(ServiceSettings(**settings), models).test_client()


@pytest.mark.parametrize(
    ("health", "predict"),
    [
        ("/health", "/predict"),
        ("/v1/endpoints/7/deployedModels/8", "/v1/endpoints/7/deployedModels/8:predict"),
        ("/ping", "/invocations"),
        ("/", "/classify"),
    ],
)
def test_routes_are_called_as_the_platform_says(models: Models, health: str, predict: str) -> None:
    routes = {"vertex_predict_route": predict}
    if health != "/":
        routes["vertex_health_route"] = health
    client = client_of(models, **routes)

    assert client.get(health).status_code == 200
    assert len(client.post(predict, data=BODY).get_json()["predictions"]) == 1


def test_errors_are_json_as_the_platform_reads_them(models: Models) -> None:
    client = client_of(models, vertex_predict_route="/classify")

    answer = client.post("/classify", data="{}")

    assert (answer.status_code, answer.mimetype) == (400, "application/json")


def test_the_platform_asks_for_health_without_a_key(models: Models) -> None:
    client = client_of(models, vertex_health_route="/health", rate_limit="0.001", rate_burst="1")

    assert [client.get("/health").status_code for _ in range(3)] == [200] * 3
    assert [client.post("/predict", data=bytes(784)).status_code for _ in range(2)] == [200, 429]


def test_without_the_platform_there_are_no_such_routes(client: FlaskClient) -> None:
    assert client.post("/classify", data=BODY).status_code == 404
