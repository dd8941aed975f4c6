"""The program as a Lambda function: in a process of its own, asked by the Runtime API."""

import base64
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from registry.handover import as_environment
from registry.settings import RegistrySettings, open_registry
from service.app import create_app
from service.http import Answer
from service.models.served import Models
from service.platforms.following import Following
from service.platforms.lambda_events import client_address
from service.router import Router
from service.settings import ServiceSettings
from tests import lambda_events
from tests.lambda_events import CLIENT, function_url, load_balancer, rest_api
from tests.lambda_runtime import FunctionError, LambdaRuntime, lambda_runtime
from tests.programs import ROOT, environment
from tests.registry_servers import localbucket
from tests.service_models import Releases

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="AWS makes its runtime client for Linux only"
)

SEVEN = (ROOT / "docs/digits/7.png").read_bytes()
BLANK = [[0] * 28 for _ in range(28)]
BINARY = {"content-type": "application/octet-stream", "inference-header-content-length": "0"}

HttpEvent = Callable[..., dict[str, Any]]


@contextmanager
def function(
    store: object, **variables: object
) -> Iterator[tuple[LambdaRuntime, "subprocess.Popen[str]"]]:
    """A function that runs, and where to invoke it."""
    with lambda_runtime() as runtime:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=ROOT,
            env=environment(
                AWS_LAMBDA_RUNTIME_API=runtime.address,
                AWS_LAMBDA_FUNCTION_NAME="digits",
                ZIFFER_STORE=store,
                **variables,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield runtime, process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def digits(sample_store: Path) -> Iterator[LambdaRuntime]:
    with function(sample_store) as (runtime, _):
        yield runtime


def content(answer: dict[str, Any]) -> bytes:
    body: str = answer["body"]
    return base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()


@pytest.mark.parametrize("event", [function_url, rest_api, load_balancer])
def test_requests_over_http_are_answered(digits: LambdaRuntime, event: HttpEvent) -> None:
    answer = digits.invoke(event("POST", "/predict", SEVEN, {"content-type": "image/png"}))

    assert answer["statusCode"] == 200
    assert json.loads(content(answer))["digit"] == 7
    headers = answer.get("headers") or answer["multiValueHeaders"]
    assert {name.lower() for name in headers} >= {"content-type", "x-model-version"}


@pytest.mark.parametrize("event", [function_url, rest_api, load_balancer])
def test_binary_answers_are_base64(digits: LambdaRuntime, event: HttpEvent) -> None:
    answer = digits.invoke(event("POST", "/v2/models/digits/infer", bytes(784), BINARY))

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert content(answer).startswith(b'{"model_name"')
    assert len(content(answer)) == content(answer).rindex(b"}") + 1 + 44


def test_text_is_not_base64(digits: LambdaRuntime) -> None:
    page = digits.invoke(function_url("GET", "/", headers={"accept": "text/html"}))
    error = digits.invoke(function_url("POST", "/predict", b"{", {"content-type": "text/plain"}))

    assert page["body"].startswith("<!doctype html>")
    assert error["statusCode"] == 415
    assert json.loads(error["body"])["type"] == "/errors/unsupported-type"


def test_queries_arrive(digits: LambdaRuntime) -> None:
    answer = digits.invoke(function_url("POST", "/predict", bytes(784), query="top_k=1"))

    assert len(json.loads(answer["body"])["top"]) == 1


def test_the_stage_of_an_api_is_no_part_of_the_path(digits: LambdaRuntime) -> None:
    assert digits.invoke(function_url("GET", "/healthz", stage="prod"))["statusCode"] == 200


def test_direct_invocations_are_answered_with_plain_json(digits: LambdaRuntime) -> None:
    image = base64.b64encode(SEVEN).decode()

    assert digits.invoke({"image": image})["digit"] == 7
    assert digits.invoke({"pixels": BLANK})["rejected"] == "blank"
    both = digits.invoke({"instances": [{"b64": image}, {"pixels": BLANK}]})["predictions"]
    assert [prediction["digit"] for prediction in both] == [7, None]


@pytest.mark.parametrize("event", [lambda_events.SCHEDULE, lambda_events.WARM_UP])
def test_schedules_and_warm_ups_get_a_word(digits: LambdaRuntime, event: dict[str, Any]) -> None:
    assert digits.invoke(event) == {"ready": True}


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        (lambda_events.S3, "unknown-event", "answers no events of aws:s3: it takes HTTP"),
        (lambda_events.SNS, "unknown-event", "events of aws:sns"),
        ({"source": "aws.s3", "detail-type": "Object Created"}, "unknown-event", "of aws.s3"),
        ({"key1": 1, "key2": 2}, "unknown-event", "event with key1, key2 in it"),
        ({}, "unknown-event", "event with nothing in it"),
        ([1], "unknown-event", "no list"),
        ({"version": "2.0"}, "unknown-event", "event with version in it"),
        ({"pixels": [[0] * 27] * 28}, "shape-mismatch", "28"),
        ({"pixels": [[0.5] * 28] * 28}, "pixel-value", "is 0.5, expected a whole"),
        ({"pixels": [[1 << 70] * 28] * 28}, "pixel-value", "whole numbers"),
        ({"image": "?"}, "invalid-base64", "base64"),
        ({"image": 7}, "invalid-base64", "base64"),
        ({"image": "aGVsbG8="}, "unsupported-type", "image"),
        ({"instances": []}, "shape-mismatch", "list of 0"),
    ],
)
def test_what_cannot_be_answered_is_an_error_for_its_reader(
    digits: LambdaRuntime,
    event: Any,  # noqa: ANN401 - whatever JSON can say
    kind: str,
    message: str,
) -> None:
    with pytest.raises(FunctionError, match=message) as failure:
        digits.invoke(event)

    assert (failure.value.kind, failure.value.trace) == (kind, [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("x" * 6_270_000, 200),
        ("x" * 6_291_556, 413),
        ('"' * 3_200_000, 413),
        ("é" * 1_100_000, 413),
    ],
)
def test_answers_over_lambdas_limit_are_refused(models: Models, body: str, status: int) -> None:
    from awslambdaric.lambda_context import LambdaContext
    from awslambdaric.lambda_runtime_marshaller import to_json

    from service.platforms.lambda_function import Function

    app = create_app(ServiceSettings(), models)
    app.add_url_rule("/large", view_func=lambda: Answer(body.encode()))
    app.router = Router(app.url_map)
    function = Function(app, models, Following(models.check, interval_s=0))

    answer = function(function_url("GET", "/large"), LambdaContext("id", None, None, 1 << 50))

    assert isinstance(answer, dict)
    assert answer["statusCode"] == status
    assert len(to_json(answer)) < 6_291_556


def test_clients_are_known_by_what_aws_saw(sample_store: Path) -> None:
    with function(sample_store, ZIFFER_SERVE_ACCESS_LOG="json") as (runtime, process):
        for event in (function_url, rest_api, load_balancer):
            runtime.invoke(event("GET", "/healthz", headers={"x_forwarded_for": "198.51.100.1"}))
        with pytest.raises(FunctionError):
            runtime.invoke({"pixels": []})
        process.terminate()
        output, _ = process.communicate(timeout=60)

    entries = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert [entry["client"] for entry in entries] == [CLIENT, CLIENT, CLIENT, ""]
    assert entries[1]["request_id"] == "8476a536-e9f4-11e8-9739-000000000002"
    assert len(output.splitlines()) == len(set(output.splitlines()))


@pytest.mark.parametrize("hops", [[f"203.0.113.9, {CLIENT}"], ["203.0.113.9", CLIENT], [CLIENT]])
def test_a_load_balancer_may_send_every_header_as_a_list(hops: list[str]) -> None:
    event = load_balancer("GET", "/healthz")
    del event["headers"]

    assert client_address(event | {"multiValueHeaders": {"x-forwarded-for": hops}}) == CLIENT


def test_headers_may_be_missing(digits: LambdaRuntime) -> None:
    for event in (rest_api("GET", "/healthz"), load_balancer("GET", "/healthz")):
        answer = digits.invoke(event | {"headers": None} | {"multiValueHeaders": None})
        assert answer["statusCode"] == 200


def test_invoking_needs_no_key_but_http_does(sample_store: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    with function(sample_store, ZIFFER_SERVE_API_KEYS=tmp_path / "keys") as (runtime, _):
        assert runtime.invoke({"pixels": BLANK})["rejected"] == "blank"
        assert runtime.invoke(function_url("POST", "/predict", bytes(784)))["statusCode"] == 401


def test_an_invocation_goes_with_the_alias(sample_store: Path, tmp_path: Path) -> None:
    store = shutil.copytree(sample_store, tmp_path / "registry")
    registry = open_registry(RegistrySettings(store=str(store)))
    with function(store, ZIFFER_SERVE_FOLLOW_INTERVAL_S=1e-6) as (runtime, _):
        before = runtime.invoke({"pixels": BLANK})
        Releases(registry, like=registry).release()
        versions = {runtime.invoke({"pixels": BLANK})["model"]["version"] for _ in range(20)}

        assert before["model"]["version"] == 1
        assert 2 in versions

        store.rename(tmp_path / "away")
        assert runtime.invoke({"pixels": BLANK})["model"]["version"] == 2


def test_a_bucket_is_read_without_any_place_to_write(sample_store: Path, tmp_path: Path) -> None:
    with localbucket() as server:
        settings = server.settings(tmp_path)
        like = open_registry(RegistrySettings(store=str(sample_store)))
        Releases(open_registry(settings), like=like).release()
        variables = as_environment(settings) | {
            "ZIFFER_CACHE_DIR": "",
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "HOME": "/proc",
            "TMPDIR": "/proc",
            "XDG_CACHE_HOME": "",
        }
        with function(variables.pop("ZIFFER_STORE"), **variables) as (runtime, _):
            assert runtime.invoke({"pixels": BLANK})["rejected"] == "blank"


@pytest.mark.parametrize(
    ("variables", "kind", "message"),
    [
        ({"ZIFFER_STORE": "var/nowhere"}, "NotFoundError", "nowhere"),
        ({"ZIFFER_STROE": "x"}, "SettingsError", "did you mean ZIFFER_STORE"),
        ({"ZIFFER_SERVE_SHADOW_ALIAS": "next"}, "SettingsError", "no time between"),
    ],
)
def test_a_function_that_cannot_start_says_why(
    sample_store: Path, variables: dict[str, str], kind: str, message: str
) -> None:
    with function(variables.pop("ZIFFER_STORE", sample_store), **variables) as (runtime, process):
        with pytest.raises(FunctionError, match=message) as failure:
            runtime.outcome()
        output, _ = process.communicate(timeout=60)

    assert (failure.value.kind, failure.value.trace) == (kind, [])
    assert process.returncode != 0
    assert re.search(f"^service: .*{message}", output)
    assert "Traceback" not in output


def test_sigterm_ends_a_function_that_waits(sample_store: Path) -> None:
    with function(sample_store) as (runtime, process):
        runtime.invoke(lambda_events.WARM_UP)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)

    assert (process.returncode, output) == (0, "serving digits version 1 as a Lambda function\n")
