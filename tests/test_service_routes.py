import io
import json
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from registry.card import DraftCard, ModelCard, TensorSpec
from registry.contract import MODEL_FILE, SIGNATURE
from registry.settings import RegistrySettings, open_registry
from service.app import create_app
from service.errors import ModelUnusableError
from service.models.classifier import Classifier
from service.settings import ServiceSettings
from tests.drawings import drawing, encoded
from tests.service_models import models_of
from training.export import to_onnx
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe

ZEROS = [[0] * 28 for _ in range(28)]


@pytest.fixture(scope="module")
def seven(sample: Mnist) -> bytes:
    """A PNG file of a seven of MNIST."""
    return encoded(Image.fromarray(sample.test.images[0]))


def error_of(response: TestResponse) -> str:
    body = response.get_json()
    assert response.mimetype == "application/problem+json"
    assert body["status"] == response.status_code
    assert "Traceback" not in response.text
    return str(body["error"])


def test_answer_names_digit_and_model(
    client: FlaskClient, seven: bytes, classifier: Classifier
) -> None:
    answer = client.post("/predict", data=seven, content_type="image/png").get_json()

    assert answer["digit"] == 7
    assert answer["confidence"] == max(answer["probabilities"])
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
    card = classifier.card
    assert answer["model"] == {
        "name": "digits",
        "version": card.version,
        "digest": card.files[MODEL_FILE].digest,
    }
    assert 0 <= answer["not_a_digit"] <= 1
    assert "pixels" not in answer


def test_image_may_come_in_any_envelope(client: FlaskClient, seven: bytes, sample: Mnist) -> None:
    rows = json.dumps({"pixels": sample.test.images[0].tolist()})
    form = {"image": (io.BytesIO(seven), "seven.png")}
    answers = [
        client.post("/predict", data=seven, content_type="image/png"),
        client.post("/predict", data=seven, content_type="application/octet-stream"),
        client.post("/predict", data=seven, content_type="application/x-www-form-urlencoded"),
        client.post("/predict", data=seven, headers={"Content-Type": ""}),
        client.post("/predict", data=sample.test.images[0].tobytes()),
        client.post("/predict", data=form, content_type="multipart/form-data"),
        client.post("/predict", data=rows, content_type="application/json; charset=utf-8"),
    ]

    predictions = [answer.get_json() for answer in answers]
    assert all(prediction == predictions[0] for prediction in predictions)


def test_explanation_shows_what_the_model_saw(
    client: FlaskClient, seven: bytes, sample: Mnist
) -> None:
    answer = client.post("/predict?explain=true", data=seven).get_json()

    assert np.array_equal(answer["pixels"], sample.test.images[0])


@pytest.mark.parametrize("path", ["/healthz", "/v2/health/live", "/v2/health/ready"])
def test_health_is_live_and_ready(client: FlaskClient, path: str) -> None:
    assert client.get(path).get_json() == {"live": True, "ready": True}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ({"pixels": [[float("nan"), *[0] * 27], *ZEROS[1:]]}, "not valid JSON"),
        ({"pixels": [[float("inf"), *[0] * 27], *ZEROS[1:]]}, "not valid JSON"),
        ("[]", "not an object with 'pixels'"),
        ("{}", "not an object with 'pixels'"),
        ({"pixels": ZEROS, "scale": 1}, "nothing else"),
        ({"pixels": []}, "pixels is a list of 0, expected 28 rows or 784 values"),
        ({"pixels": ZEROS[:27]}, "pixels is a list of 27, expected 28 rows"),
        ({"pixels": [*ZEROS, [0] * 28]}, "pixels is a list of 29, expected 28 rows"),
        ({"pixels": [[0] * 27, *ZEROS[1:]]}, "pixels.0 is a list of 27, expected 28 values"),
        ({"pixels": [*ZEROS[:27], 28]}, "pixels.27 is 28, expected 28 values"),
        ({"pixels": [28] * 28}, "pixels is a list of 28, expected 28 rows or 784 values"),
        ({"pixels": 784}, "pixels is 784, expected 28 rows"),
        ({"pixels": {"0": 1}}, "pixels is an object, expected 28 rows"),
        ({"pixels": [[256, *[0] * 27], *ZEROS[1:]]}, "pixels.0.0 is 256, expected a whole number"),
        ({"pixels": [[-1, *[0] * 27], *ZEROS[1:]]}, "pixels.0.0 is -1, expected a whole number"),
        ({"pixels": [[0.5, *[0] * 27], *ZEROS[1:]]}, "pixels.0.0 is 0.5, expected a whole number"),
        ({"pixels": [[True, *[0] * 27], *ZEROS[1:]]}, "pixels.0.0 is true, expected"),
        ({"pixels": [["0", *[0] * 27], *ZEROS[1:]]}, "pixels.0.0 is the text '0', expected"),
        ({"pixels": [0] * 783 + [1.0]}, "pixels.783 is 1.0, expected a whole number"),
    ],
)
def test_wrong_json_is_explained(client: FlaskClient, body: object, complaint: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)

    response = client.post("/predict", data=text, content_type="application/json")

    assert response.status_code == 400
    assert complaint in error_of(response)


def test_damaged_image_is_400(client: FlaskClient, seven: bytes) -> None:
    response = client.post("/predict", data=seven[:-30], content_type="image/png")

    assert response.status_code == 400
    assert "damaged" in error_of(response)


def test_empty_body_is_400(client: FlaskClient) -> None:
    response = client.post("/predict")

    assert response.status_code == 400
    assert "empty" in error_of(response)


def test_form_without_image_is_400(client: FlaskClient) -> None:
    response = client.post("/predict", data={"picture": "x"}, content_type="multipart/form-data")

    assert response.status_code == 400
    assert error_of(response).endswith("its fields are: picture.")


def test_form_whose_field_has_no_name_is_400(client: FlaskClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="\\"\r\n\r\nx\r\n--b--\r\n'

    response = client.post("/read", data=body, content_type="multipart/form-data; boundary=b")

    assert response.status_code == 400
    assert error_of(response).endswith("its fields are: none.")


def test_malformed_form_is_400(client: FlaskClient) -> None:
    response = client.post("/predict", data=b"--x", content_type="multipart/form-data; boundary=y")

    assert response.status_code == 400
    assert "no file" in error_of(response)


def test_large_body_is_413(client: FlaskClient) -> None:
    response = client.post("/predict", data=bytes(2_000_001))

    assert response.status_code == 413
    assert "larger than the 2,000,000 bytes allowed" in error_of(response)


def test_image_of_50_megapixels_is_413(client: FlaskClient) -> None:
    huge = encoded(Image.new("1", (10_000, 5_000)))

    response = client.post("/predict", data=huge, content_type="image/png")

    assert response.status_code == 413
    assert "10000 by 5000 pixels, more than the 25,000,000 allowed" in error_of(response)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/html", "application/pdf", "video/mp4"]
)
def test_other_content_type_is_415(client: FlaskClient, content_type: str) -> None:
    response = client.post("/predict", data=b"x", content_type=content_type)

    assert response.status_code == 415
    assert content_type in error_of(response)


@pytest.mark.parametrize("content_type", ["image/png", "application/json"])
def test_blank_image_is_answered_with_no_digit(client: FlaskClient, content_type: str) -> None:
    blank = {
        "image/png": encoded(Image.new("L", (100, 100), 255)),
        "application/json": json.dumps({"pixels": ZEROS}).encode(),
    }[content_type]

    response = client.post("/predict", data=blank, content_type=content_type)

    assert response.status_code == 200
    assert (response.get_json()["digit"], response.get_json()["rejected"]) == (None, "blank")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/predict", 405), ("GET", "/nowhere", 404), ("GET", "/page/../routes.py", 404)],
)
def test_wrong_address_is_json_too(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method)

    assert response.status_code == status
    assert error_of(response)
    assert ("Allow" in response.headers) == (status == 405)


def test_fault_of_the_service_is_logged_not_shown(
    client: FlaskClient, seven: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client.application.extensions["models"] = None

    with caplog.at_level(logging.ERROR):
        response = client.post("/predict", data=seven)

    assert response.status_code == 500
    assert error_of(response) == "The service failed on this request; the fault is logged."
    assert "AttributeError" in caplog.text


def test_jpeg_of_dark_ink_on_grey_paper_is_read(client: FlaskClient, sample: Mnist) -> None:
    picture = encoded(drawing(sample.test.images[0], ink=40, paper=190), "JPEG", quality=60)

    assert client.post("/predict", data=picture).get_json()["digit"] == 7


def publish(store: Path, content: bytes, **changes: object) -> ModelCard:
    """Publish `content` with the card of the sample's model, changed."""
    registry = open_registry(RegistrySettings(store=str(store)))
    draft = registry.card("digits", 1).model_dump(include=set(DraftCard.model_fields))
    return registry.publish("spoilt", {MODEL_FILE: content}, DraftCard(**(draft | changes)))


def test_model_that_does_not_load_is_unusable(sample_store: Path) -> None:
    card = publish(sample_store, b"not onnx")

    with pytest.raises(ModelUnusableError, match="spoilt version 1 cannot be loaded"):
        Classifier(b"not onnx", card)


def test_model_of_another_signature_is_unusable(sample_store: Path, classifier: Classifier) -> None:
    pixels = TensorSpec(name="pixels", dtype="float32", shape=("N", 784))
    signature = classifier.card.signature.model_copy(update={"inputs": (pixels,)})
    card = publish(sample_store, b"any", signature=signature)

    with pytest.raises(ModelUnusableError, match="is no digit classifier"):
        Classifier(b"any", card)


def test_model_that_takes_nothing_for_a_digit_says_so(seven: bytes, classifier: Classifier) -> None:
    onnx_file = to_onnx(build(Recipe()), "categorical_cross_entropy", level=1000.0)
    models = models_of(onnx_file, classifier.card.draft)

    answer = create_app(ServiceSettings(), models).test_client().post("/predict", data=seven)

    assert answer.get_json()["not_a_digit"] == pytest.approx(1)
    assert sum(answer.get_json()["probabilities"]) == pytest.approx(1, abs=1e-5)


def test_model_that_does_not_say_what_is_no_digit_is_served(
    sample_store: Path, seven: bytes, classifier: Classifier
) -> None:
    onnx_file = open_registry(RegistrySettings(store=str(sample_store))).fetch(
        classifier.card, MODEL_FILE
    )
    signature = SIGNATURE.model_copy(update={"outputs": SIGNATURE.outputs[:1]})
    draft = classifier.card.draft.model_copy(update={"signature": signature})
    models = models_of(onnx_file, draft)

    answer = create_app(ServiceSettings(), models).test_client().post("/predict", data=seven)

    assert answer.get_json()["digit"] == 7
    assert answer.get_json()["not_a_digit"] is None


def test_model_without_an_output_that_its_card_promises_is_unusable(
    sample_store: Path, classifier: Classifier
) -> None:
    graph = onnx.load_from_string(
        open_registry(RegistrySettings(store=str(sample_store))).fetch(classifier.card, MODEL_FILE)
    )
    del graph.graph.output[1]
    onnx_file = graph.SerializeToString()

    with pytest.raises(ModelUnusableError, match="not_a_digit"):
        Classifier(onnx_file, publish(sample_store, onnx_file))


@pytest.mark.parametrize("shape", [("N", 1), (1,)])
def test_not_a_digit_of_another_shape_is_unusable(
    shape: tuple[str | int, ...], sample_store: Path
) -> None:
    probabilities, not_a_digit = SIGNATURE.outputs
    outputs = (probabilities, not_a_digit.model_copy(update={"shape": shape}))
    card = publish(
        sample_store, b"any", signature=SIGNATURE.model_copy(update={"outputs": outputs})
    )

    with pytest.raises(ModelUnusableError, match="is no digit classifier"):
        Classifier(b"any", card)
