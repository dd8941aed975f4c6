"""KServe's V1 protocol: what its clients and TensorFlow Serving's send."""

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from registry.settings import RegistrySettings
from service.app import create_app
from service.models.classifier import Classifier
from service.models.served import Models
from service.settings import ServiceSettings
from tests.drawings import drawing, encoded
from training.mnist import Mnist

PREDICT = "/v1/models/digits:predict"
BLANK = [[0] * 28] * 28


@pytest.fixture
def client_without_model(tmp_path: Path) -> FlaskClient:
    settings = ServiceSettings(registry=RegistrySettings(store=str(tmp_path)), wait_for_model=True)
    models = Models(settings)
    models.prepare()
    return create_app(settings, models).test_client()


def instances(*values: object) -> bytes:
    return json.dumps({"instances": values}).encode()


def predictions_of(client: FlaskClient, body: bytes, **headers: str) -> list[dict[str, Any]]:
    answer = client.post(PREDICT, data=body, headers=headers)
    assert answer.status_code == 200, answer.text
    predictions: list[dict[str, Any]] = answer.get_json()["predictions"]
    return predictions


def test_each_instance_has_its_prediction(
    client: FlaskClient, sample: Mnist, classifier: Classifier
) -> None:
    images = sample.test.images[:20]

    answer = client.post(PREDICT, data=instances(*images.tolist())).get_json()

    probabilities, not_a_digit = classifier.predict(images)
    given = answer["predictions"]
    assert not_a_digit is not None
    assert np.allclose([one["probabilities"] for one in given], probabilities)
    assert np.allclose([one["not_a_digit"] for one in given], not_a_digit)
    for one in given:
        assert one["confidence"] == max(one["probabilities"])
        assert one["digit"] in (None, int(np.argmax(one["probabilities"])))
        assert (one["digit"] is None) == (one["rejected"] is not None)
    assert answer["model_name"] == "digits"
    assert answer["model_version"] == str(classifier.card.version)


def test_an_instance_may_have_any_form(client: FlaskClient, sample: Mnist) -> None:
    seven = sample.test.images[0]
    file = base64.b64encode(encoded(Image.fromarray(seven))).decode()

    predictions = predictions_of(
        client,
        instances(
            seven.tolist(), seven.ravel().tolist(), {"pixels": seven.tolist()}, {"b64": file}
        ),
    )

    assert [one["digit"] for one in predictions] == [7] * 4
    assert predictions == [predictions[0]] * 4


def test_a_photograph_among_the_instances_is_read_as_predict_does(
    client: FlaskClient, sample: Mnist
) -> None:
    photograph = encoded(drawing(sample.test.images[0], ink=40, paper=190), "JPEG", quality=60)
    alone = client.post("/predict", data=photograph).get_json()

    (one,) = predictions_of(client, instances({"b64": base64.b64encode(photograph).decode()}))

    assert one == {name: alone[name] for name in one}


def test_a_blank_instance_is_rejected_as_blank(client: FlaskClient) -> None:
    paper = base64.b64encode(encoded(Image.new("L", (50, 50), 255))).decode()

    predictions = predictions_of(client, instances(BLANK, {"b64": paper}))

    assert [(one["digit"], one["rejected"]) for one in predictions] == [(None, "blank")] * 2


def test_other_members_of_the_request_mean_nothing(client: FlaskClient) -> None:
    body = {"instances": [BLANK], "signature_name": "x", "parameters": {"confidence": 1}}

    assert len(predictions_of(client, json.dumps(body).encode())) == 1


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "a/b; c"])
def test_the_content_type_does_not_matter(client: FlaskClient, content_type: str) -> None:
    assert predictions_of(client, instances(BLANK), **{"Content-Type": content_type})


def test_bodies_may_be_compressed(client: FlaskClient) -> None:
    body = instances(BLANK)

    assert predictions_of(client, gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert predictions_of(client, zlib.compress(body), **{"Content-Encoding": "deflate"})


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{}", "not an object with 'instances'"),
        (b"[]", "not an object with 'instances'"),
        (b"null", "not an object with 'instances'"),
        (b'{"inputs": []}', "not an object with 'instances'"),
        (b'{"instances": {}}', "instances is an object, expected a list of images"),
        (instances(), "instances is a list of 0, expected a list of images"),
        (instances(7), "instances.0 is 7, expected 28 rows"),
        (instances(BLANK, BLANK[:27]), "instances.1 is a list of 27, expected 28 rows"),
        (instances([0] * 700), "instances.0 is a list of 700, expected 28 rows or 784 values"),
        (instances([[0] * 28] * 27 + [[0] * 27]), "instances.0.27 is a list of 27"),
        (instances(["0"] * 784), "instances.0.0 is the text '0'"),
        (instances([True] * 784), "instances.0.0 is true, expected a whole number"),
        (instances([0.5] * 784), "multiply fractions from 0 to 1 by 255"),
        (instances([float("nan")] * 784), "not valid JSON"),
        (instances({}), "instances.0 has neither 'pixels' nor 'b64'"),
        (instances({"pixels": [1]}, BLANK), "instances.0.pixels is a list of 1"),
        (instances({"b64": 5}), "instances.0.b64 is 5, expected an image file in base64"),
        (instances({"b64": "é"}), "instances.0.b64 is the text 'é', expected an image file"),
        (instances({"b64": ""}), "instances.0.b64: "),
        (instances(BLANK, {"b64": "iVBORw0KGgo="}), "instances.1.b64: The image is damaged"),
        (instances({"b64": "R0lGODdh"}), "instances.0.b64: The image is damaged"),
    ],
)
def test_wrong_instances_are_explained(client: FlaskClient, body: bytes, complaint: str) -> None:
    answer = client.post(PREDICT, data=body)

    assert (answer.status_code, answer.mimetype) == (400, "application/json")
    assert complaint in answer.get_json()["error"]
    assert answer.get_json()["detail"] == answer.get_json()["error"]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("HTTP_CONTENT_ENCODING", "gzip", 400),
        ("HTTP_CONTENT_ENCODING", "br", 415),
        ("CONTENT_LENGTH", "9" * 5000, 400),
        ("CONTENT_LENGTH", "-1", 400),
        ("CONTENT_LENGTH", "9000", 400),
    ],
)
def test_wrong_headers_are_explained(
    client: FlaskClient, name: str, value: str, status: int
) -> None:
    answer = client.post(PREDICT, data=instances(BLANK), environ_overrides={name: value})

    assert answer.status_code == status
    assert answer.get_json()["error"]


def test_too_much_is_413(models: Models) -> None:
    settings = ServiceSettings(max_batch=2, max_body_bytes=20_000, max_image_pixels=10_000)
    client = create_app(settings, models).test_client()
    square = {"b64": base64.b64encode(encoded(Image.new("L", (90, 90)))).decode()}

    bomb = gzip.compress(b" " * 1_000_000)

    assert client.post(PREDICT, data=bytes(20_001)).status_code == 413
    assert client.post(PREDICT, data=instances(BLANK, BLANK, BLANK)).status_code == 413
    answer = client.post(PREDICT, data=bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert client.post(PREDICT, data=instances(square)).status_code == 200
    # All files together must not take longer than the largest that comes alone.
    assert client.post(PREDICT, data=instances(square, square)).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/letters:predict",
        "/v1/models/digits/versions/99:predict",
        "/v1/models/digits/versions/one:predict",
        f"/v1/models/digits/versions/{'9' * 5000}:predict",
        "/v1/models/digits/versions/²:predict",
    ],
)
def test_other_models_and_versions_are_404(client: FlaskClient, path: str) -> None:
    answer = client.post(path, data=instances(BLANK))

    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert len(answer.get_json()["error"]) < 200
    status = client.get(path.removesuffix(":predict"))
    assert status.status_code == 404


def test_a_version_can_be_asked_by_number(client: FlaskClient, classifier: Classifier) -> None:
    number = classifier.card.version

    answer = client.post(f"/v1/models/digits/versions/{number}:predict", data=instances(BLANK))

    assert answer.status_code == 200
    assert answer.headers["X-Model-Version"] == str(number)


def test_models_are_named_and_ready(client: FlaskClient, classifier: Classifier) -> None:
    version = str(classifier.card.version)

    assert client.get("/v1/models").get_json() == {"models": ["digits"]}
    for path in ("/v1/models/digits", f"/v1/models/digits/versions/{version}"):
        status = client.get(path).get_json()
        assert (status["name"], status["ready"]) == ("digits", True)
        (entry,) = status["model_version_status"]
        assert (entry["version"], entry["state"]) == (version, "AVAILABLE")
        head = client.head(path)
        assert (head.status_code, head.data) == (200, b"")


def test_without_a_model_the_model_is_not_ready(client_without_model: FlaskClient) -> None:
    status = client_without_model.get("/v1/models/digits")

    assert (status.status_code, status.get_json()["ready"]) == (503, False)
    assert status.get_json()["model_version_status"] == []
    assert int(status.headers["Retry-After"]) > 0
    answer = client_without_model.post(PREDICT, data=instances(BLANK))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client_without_model.head("/v1/models/digits").status_code == 503


def test_while_draining_the_model_answers_but_is_not_ready(client: FlaskClient) -> None:
    client.application.extensions["drain"].begin()

    assert client.get("/v1/models/digits").status_code == 503
    assert predictions_of(client, instances(BLANK))


def test_a_verb_is_no_part_of_a_name(client: FlaskClient) -> None:
    answer = client.get(PREDICT)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert client.post("/v1/models/digits:explain").status_code == 404
