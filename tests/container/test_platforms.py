"""The one image as a function of Lambda and as a container of SageMaker and Vertex AI."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.engine import Engine
from tests.container.serving import serving
from tests.lambda_events import function_url, load_balancer, rest_api
from tests.lambda_runtime import LambdaRuntime, lambda_runtime
from tests.programs import ROOT
from tests.test_platforms_lambda import BINARY, HttpEvent, content

pytestmark = pytest.mark.container

SEVEN = (ROOT / "docs/digits/7.png").read_bytes()


@pytest.fixture(scope="module")
def function(containers: Engine, image: str, store: Path) -> Iterator[LambdaRuntime]:
    with lambda_runtime() as runtime:
        variables = {"AWS_LAMBDA_RUNTIME_API": runtime.address, "ZIFFER_STORE": "/registry"}
        flags = ("--tmpfs=/tmp", f"--volume={store}:/registry:ro")
        with containers.running(image, environment=variables, flags=flags):
            yield runtime


@pytest.mark.parametrize("event", [function_url, rest_api, load_balancer])
def test_function_reads_a_picture_in_base64(function: LambdaRuntime, event: HttpEvent) -> None:
    answer = function.invoke(event("POST", "/predict", SEVEN, {"content-type": "image/png"}))

    assert answer["statusCode"] == 200
    assert json.loads(content(answer))["digit"] == 7


def test_function_answers_binary_tensors(function: LambdaRuntime) -> None:
    answer = function.invoke(function_url("POST", "/v2/models/digits/infer", bytes(784), BINARY))

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)


def test_sagemaker_serves_what_it_unpacked(containers: Engine, image: str, store: Path) -> None:
    with serving(
        *(containers, image, store, "serve"),
        place="/opt/ml/model",
        port_variable="SAGEMAKER_BIND_TO_PORT",
        ZIFFER_STORE="",
    ) as service:
        assert service.answers("/ping")
        assert b'"digit":7' in service.ask("/invocations", SEVEN, Content_Type="image/png")


def test_vertex_is_answered_where_it_asks(containers: Engine, image: str, store: Path) -> None:
    with serving(
        *(containers, image, store),
        port_variable="AIP_HTTP_PORT",
        AIP_HEALTH_ROUTE="/health",
        AIP_PREDICT_ROUTE="/digits",
    ) as service:
        instances = json.dumps({"instances": [[0] * 784]}).encode()

        assert service.answers("/health")
        assert b'"predictions"' in service.ask("/digits", instances)
