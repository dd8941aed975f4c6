"""The Open Inference Protocol as clients see it: infer, metadata, statistics."""

import gzip
import json
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from registry.contract import MODEL_FILE, SIGNATURE
from registry.settings import RegistrySettings, open_registry
from service.app import create_app
from service.models.classifier import Classifier
from service.models.served import Models
from service.settings import ServiceSettings
from tests.open_inference import INFER, LENGTH, binary, document, outputs_of
from tests.programs import ROOT
from tests.service_models import models_of
from training.mnist import Mnist

BLANK = np.zeros((1, 784), np.uint8)

Packer = Callable[[bytes], bytes]


@pytest.fixture
def sevens(sample: Mnist) -> NDArray[np.uint8]:
    """Twenty digits [20, 28, 28]."""
    return sample.test.images[:20]


@pytest.fixture(scope="module")
def open_client(models: Models) -> FlaskClient:
    """For all examples of a property."""
    return create_app(ServiceSettings(), models).test_client()


def infer(client: FlaskClient, body: object, **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(INFER, data=data, headers=headers)


def error_of(answer: TestResponse, status: int) -> str:
    body = answer.get_json()
    assert (answer.status_code, answer.content_type) == (status, "application/json")
    assert body["status"] == status
    return str(body["error"])


def test_answer_is_what_the_model_says(
    client: FlaskClient, classifier: Classifier, sevens: NDArray[np.uint8]
) -> None:
    answer = infer(client, document(sevens) | {"id": "mine"})

    body = answer.get_json()
    assert body["id"] == "mine"
    assert body["model_name"] == "digits"
    assert body["model_version"] == str(classifier.card.version)
    assert body["parameters"] == {"model_digest": classifier.digest}
    outputs, reading = outputs_of(answer), classifier.predict(sevens)
    assert np.array_equal(outputs["probabilities"].astype(np.float32), reading.probabilities)
    assert reading.not_a_digit is not None
    assert np.array_equal(outputs["not_a_digit"].astype(np.float32), reading.not_a_digit)
    assert "id" not in infer(client, document(sevens)).get_json()


@pytest.mark.parametrize("is_binary_in", [False, True])
@pytest.mark.parametrize("is_binary_out", [False, True])
def test_forms_of_request_and_answer_mix(
    client: FlaskClient,
    classifier: Classifier,
    sevens: NDArray[np.uint8],
    is_binary_in: bool,
    is_binary_out: bool,
) -> None:
    wishes = {"parameters": {"binary_data_output": is_binary_out}}
    body, headers = binary(sevens, **wishes) if is_binary_in else (document(sevens) | wishes, {})

    answer = infer(client, body, **headers)

    assert answer.content_type == (
        "application/octet-stream" if is_binary_out else "application/json"
    )
    assert (LENGTH in answer.headers) is is_binary_out
    assert np.allclose(
        outputs_of(answer)["probabilities"], classifier.predict(sevens).probabilities, atol=1e-7
    )


def test_each_output_may_have_its_own_form(client: FlaskClient, sevens: NDArray[np.uint8]) -> None:
    outputs = [
        {"name": "not_a_digit", "parameters": {"binary_data": True}},
        {"name": "probabilities"},
    ]

    answer = infer(client, document(sevens) | {"outputs": outputs})

    first, second = json.loads(answer.data[: int(answer.headers[LENGTH])])["outputs"]
    assert (first["name"], first["parameters"]) == ("not_a_digit", {"binary_data_size": 80})
    assert (second["name"], len(second["data"])) == ("probabilities", 200)
    assert outputs_of(answer)["not_a_digit"].shape == (20,)


def test_raw_body_is_answered_in_binary(
    client: FlaskClient, classifier: Classifier, sevens: NDArray[np.uint8]
) -> None:
    answer = infer(client, sevens.tobytes(), **{LENGTH: "0"})

    outputs = outputs_of(answer)
    assert answer.content_type == "application/octet-stream"
    assert np.array_equal(outputs["probabilities"], classifier.predict(sevens).probabilities)
    assert outputs["not_a_digit"].shape == (20,)


@pytest.mark.parametrize("is_binary", [False, True])
def test_classification_names_the_likeliest(
    client: FlaskClient, classifier: Classifier, sevens: NDArray[np.uint8], is_binary: bool
) -> None:
    parameters = {"classification": 3, "binary_data": is_binary}
    wanted = {"outputs": [{"name": "probabilities", "parameters": parameters}]}

    strings = outputs_of(infer(client, document(sevens) | wanted))["probabilities"]

    assert strings.shape == (20, 3)
    probabilities = classifier.predict(sevens).probabilities
    for row, string_row in zip(probabilities, strings, strict=True):
        values, indices, labels = zip(*(text.split(":") for text in string_row), strict=True)
        assert list(map(int, indices)) == np.argsort(-row)[:3].tolist()
        assert labels == indices
        assert np.allclose(np.array(values, np.float32), np.sort(row)[::-1][:3], atol=1e-6)


def test_model_that_does_not_tell_non_digits_has_one_output(
    classifier: Classifier, sample_store: Path
) -> None:
    registry = open_registry(RegistrySettings(store=str(sample_store)))
    signature = SIGNATURE.model_copy(update={"outputs": SIGNATURE.outputs[:1]})
    draft = classifier.card.draft.model_copy(update={"signature": signature})
    models = models_of(registry.fetch(classifier.card, MODEL_FILE), draft)
    client = create_app(ServiceSettings(), models).test_client()

    assert list(outputs_of(infer(client, document(BLANK)))) == ["probabilities"]
    metadata = client.get("/v2/models/digits").get_json()
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities"]
    refusal = infer(client, document(BLANK) | {"outputs": [{"name": "not_a_digit"}]})
    assert "all that this version gives" in error_of(refusal, 400)


def test_no_content_type_is_asked_for(client: FlaskClient) -> None:
    body = json.dumps(document(BLANK))

    answers = [
        client.post(INFER, data=body, headers={"Content-Type": content_type})
        for content_type in ("", "application/json", "text/plain", "multipart/form-data", "?")
    ]

    assert [answer.status_code for answer in answers] == [200] * 5


# Compression.


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
@pytest.mark.parametrize("is_binary", [False, True])
def test_requests_may_be_compressed(
    client: FlaskClient, sevens: NDArray[np.uint8], encoding: str, compress: Packer, is_binary: bool
) -> None:
    plain = json.dumps(document(sevens)).encode()
    body, headers = binary(sevens) if is_binary else (plain, {})

    answer = infer(client, compress(body), **headers, **{"Content-Encoding": encoding})

    assert answer.data == infer(client, body, **headers).data


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, gzip;q=0.5", "gzip"),
        ("gzip;q=0.1, deflate", "deflate"),
        ("identity", None),
        ("*", None),
        ("gzip;q=0", None),
        ("gzip;q=x, \x01", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("is_binary", [False, True])
def test_answers_are_compressed_where_asked(
    client: FlaskClient,
    sevens: NDArray[np.uint8],
    accepted: str,
    encoding: str | None,
    is_binary: bool,
) -> None:
    images = np.concatenate([sevens] * 3)
    body = document(images) | {"parameters": {"binary_data_output": is_binary}}
    plain = infer(client, body)

    answer = infer(client, body, **{"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == encoding
    unpack: dict[str | None, Packer] = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        None: bytes,
    }
    assert unpack[encoding](answer.data) == plain.data
    assert answer.headers.get(LENGTH) == plain.headers.get(LENGTH)


def test_small_answers_are_not_compressed(client: FlaskClient) -> None:
    answer = infer(client, document(BLANK), **{"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers


# Bad input: what Triton, MLServer and KServe answer with 500, or with 200.

GOOD = json.dumps(document(BLANK))


@pytest.mark.parametrize(
    ("body", "headers", "status", "complaint"),
    [
        ("", {}, 400, "not valid JSON"),
        ("no json", {}, 400, "not valid JSON"),
        ("[" * 100_000, {}, 400, "not valid JSON"),
        ("{}", {}, 400, "inputs is missing, expected one input, named pixels"),
        ("[]", {}, 400, "is [], expected an object"),
        (GOOD.replace("0, 0", "NaN, 0", 1), {}, 400, "not valid JSON"),
        (GOOD.replace("0, 0", "1e999, 0", 1), {}, 400, "not valid JSON"),
        (GOOD, {LENGTH: "9999"}, 400, "is \"9999\", expected a number of bytes up to the"),
        (GOOD, {LENGTH: "abc"}, 400, "is \"abc\", expected a number of bytes up to the"),
        (GOOD, {"Content-Encoding": "gzip"}, 400, "gzip"),
        (gzip.compress(GOOD.encode())[:-9], {"Content-Encoding": "gzip"}, 400, "gzip"),
        (zlib.compress(GOOD.encode())[2:], {"Content-Encoding": "deflate"}, 400, "deflate"),
        (GOOD, {"Content-Encoding": "br"}, 415, "br"),
        (b"0" * 2_000_001, {}, 413, "2,000,000 bytes"),
        (gzip.compress(b"0" * 2_000_001), {"Content-Encoding": "gzip"}, 413, "2,000,000 bytes"),
        (json.dumps(document(BLANK, shape=[5000, 784])), {}, 413, "more than the 4,096 allowed"),
    ],
)  # fmt: skip
def test_bad_body_is_explained(
    client: FlaskClient, body: str | bytes, headers: dict[str, str], status: int, complaint: str
) -> None:
    assert complaint in error_of(infer(client, body, **headers), status)


TENSOR = document(BLANK)["inputs"][0]


@pytest.mark.parametrize(
    "flaw",
    [
        {"inputs": []},
        {"inputs": [TENSOR | {"name": "image"}]},
        {"inputs": [TENSOR, TENSOR | {"name": "mask"}]},
        {"outputs": [{"name": "logits"}]},
        {"inputs": [TENSOR | {"datatype": "FP99"}]},
        {"inputs": [TENSOR | {"datatype": "INT64"}]},
        {"inputs": [TENSOR | {"shape": [1, 785], "data": [0] * 785}]},
        {"inputs": [TENSOR | {"data": [0] * 783}]},
        {"inputs": [TENSOR | {"data": ["0"] * 784}]},
        {"inputs": [TENSOR | {"data": [True] * 784}]},
        {"id": 7},
        {"inputs": [TENSOR | {"shape": [0, 784], "data": []}]},
    ],
)
def test_flaw_of_a_request_is_the_client_s(client: FlaskClient, flaw: dict[str, object]) -> None:
    answer = infer(client, document(BLANK) | flaw)

    error_of(answer, 400)
    (problem,) = answer.get_json()["errors"]
    assert problem.keys() == {"loc", "expected", "got"}


def test_error_names_place_expected_and_got(client: FlaskClient) -> None:
    answer = infer(client, document(BLANK, shape=[1, 700]))

    message = "inputs.0.shape is [1, 700], expected [N, 28, 28] or [N, 784]."
    assert error_of(answer, 400) == message
    body = answer.get_json()
    assert body["type"] == "/errors/shape-mismatch"
    assert body["errors"] == [
        {
            "loc": ["inputs", 0, "shape"],
            "expected": "[N, 28, 28] or [N, 784]",
            "got": "[1, 700]",
        }
    ]


@given(
    body=st.one_of(
        st.binary(),
        st.binary().map(lambda junk: GOOD.encode() + junk),
        st.integers(0, len(GOOD)).map(lambda end: GOOD.encode()[:end]),
        st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=3)).map(
            lambda change: GOOD.encode()[: change[0]] + change[1] + GOOD.encode()[change[0] :]
        ),
    ),
    length=st.none() | st.integers(-1, 3000).map(str) | st.text("0123456789x ", max_size=8),
    encoding=st.sampled_from(["", "gzip", "deflate", "gzip, deflate", "identity", "zstd", ","]),
    is_packed=st.booleans(),
)
def test_no_body_is_answered_with_a_fault(
    open_client: FlaskClient, body: bytes, length: str | None, encoding: str, is_packed: bool
) -> None:
    packed = gzip.compress(body) if is_packed else body
    headers = {"Content-Encoding": encoding, "Accept-Encoding": encoding}

    answer = infer(open_client, packed, **headers, **({} if length is None else {LENGTH: length}))

    assert answer.status_code in {200, 400, 415}


# What is here.


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_server_names_its_extensions(client: FlaskClient, path: str) -> None:
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    metadata = client.get(path).get_json()

    assert (metadata["name"], metadata["version"]) == ("ziffer", release)
    assert {"binary_tensor_data", "classification", "statistics"} <= set(metadata["extensions"])


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
def test_health_is_what_every_client_reads(client: FlaskClient, path: str) -> None:
    assert client.get(path).get_json() == {"live": True, "ready": True}
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("version", ["", "/versions/1", "/versions/0001"])
def test_model_describes_its_tensors(client: FlaskClient, models: Models, version: str) -> None:
    metadata = client.get(f"/v2/models/digits{version}").get_json()

    assert metadata == {
        "name": "digits",
        "versions": list(map(str, models.versions())),
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
            {"name": "not_a_digit", "datatype": "FP32", "shape": [-1]},
        ],
    }


def test_configuration_has_shapes_without_the_batch(client: FlaskClient) -> None:
    config = client.get("/v2/models/digits/config").get_json()

    assert config["max_batch_size"] == 4096
    assert config["input"] == [{"name": "pixels", "data_type": "TYPE_UINT8", "dims": [28, 28]}]
    assert [output["dims"] for output in config["output"]] == [[10], [1]]


def test_model_is_listed_and_ready(client: FlaskClient) -> None:
    assert client.get("/v2/models").get_json() == {"models": ["digits"]}
    for path in ("/v2/models/digits/ready", "/v2/models/digits/versions/1/ready"):
        assert client.get(path).get_json() == {"name": "digits", "ready": True}


@pytest.mark.parametrize("model", ["letters", "digits/versions/777", "digits/versions/0",
    "digits/versions/abc", "digits/versions/-1", "digits/versions/٣",
    f"digits/versions/{'9' * 5000}", "9" * 5000])  # fmt: skip
def test_what_is_not_here_is_not_found(client: FlaskClient, model: str) -> None:
    answers = [
        client.get(f"/v2/models/{model}{what}") for what in ("", "/ready", "/config", "/stats")
    ]

    for answer in (*answers, client.post(f"/v2/models/{model}/infer", data="{}")):
        assert len(error_of(answer, 404)) < 150


@pytest.mark.parametrize("path", ["/v2/trace/setting", "/v2/logging", "/v2/models/digits/trace"])
def test_what_is_not_offered_is_not_found(client: FlaskClient, path: str) -> None:
    error_of(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", INFER, "POST"),
        ("POST", "/v2", "GET"),
        ("POST", "/v2/health/ready", "GET"),
        ("DELETE", "/v2/models/digits", "GET"),
        ("GET", "/v2/repository/index", "POST"),
    ],
)
def test_wrong_verb_is_told_the_right_ones(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    answer = client.open(path, method=method)

    error_of(answer, 405)
    assert allowed in answer.headers["Allow"].split(", ")


def test_statistics_count_answers_and_refusals(models: Models) -> None:
    client = create_app(ServiceSettings(), models).test_client()
    infer(client, document(np.zeros((3, 784), np.uint8)))
    infer(client, document(BLANK))
    infer(client, "{}")
    client.post("/v2/models/digits/versions/777/infer", data="{}")

    answers = [
        client.get(f"/v2/models/{path}stats").get_json()
        for path in ("", "digits/", "digits/versions/1/")
    ]

    (entry,) = answers[0]["model_stats"]
    assert answers == [answers[0]] * 3
    assert (entry["name"], entry["version"]) == ("digits", "1")
    assert (entry["inference_count"], entry["execution_count"]) == (4, 2)
    stats = entry["inference_stats"]
    assert (stats["success"]["count"], stats["fail"]["count"]) == (2, 1)
    parts = ["compute_input", "compute_infer", "compute_output"]
    assert sum(stats[part]["ns"] for part in parts) == pytest.approx(stats["success"]["ns"], abs=5)
    assert all(stats[part]["ns"] > 0 for part in parts)


def test_statistics_of_an_idle_version_are_zero(models: Models) -> None:
    client = create_app(ServiceSettings(), models).test_client()

    (entry,) = client.get("/v2/models/digits/versions/1/stats").get_json()["model_stats"]

    assert client.get("/v2/models/stats").get_json() == {"model_stats": []}
    assert (entry["inference_count"], entry["last_inference"]) == (0, 0)
    assert set(entry["inference_stats"]["success"].values()) == {0}
