"""SageMaker's containers, and boto3 where it speaks to a service of one's own."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image

from registry.settings import RegistrySettings
from service.app import create_app
from service.batch import Batch
from service.models.classifier import Classifier
from service.models.served import Models
from service.settings import ServiceSettings
from tests.drawings import encoded
from tests.test_service_arrays import npy, npz
from training.mnist import Mnist

BLANK = [0] * 784


@pytest.fixture(scope="module")
def images(sample: Mnist) -> NDArray[np.uint8]:
    return sample.test.images[:3]


def bodies_of(images: NDArray[np.uint8]) -> dict[str, bytes]:
    """The same images as every type that holds several."""
    flat = images.reshape(-1, 784).tolist()
    document = {"instances": images.tolist()}
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": list(images.shape), "data": flat}
    return {
        "": json.dumps(document).encode(),
        "application/json": json.dumps(document).encode(),
        "application/json; charset=utf-8": json.dumps({"inputs": [tensor]}).encode(),
        "application/jsonlines": "\n".join(map(json.dumps, flat)).encode(),
        "text/csv": "\n".join(",".join(map(str, row)) for row in flat).encode(),
        "application/x-npy": npy(images),
        "application/x-npz": npz(npy(images)),
        "application/octet-stream": images.tobytes(),
    }


@pytest.mark.parametrize("content_type", bodies_of(np.zeros((1, 28, 28), np.uint8)))
def test_images_may_come_as_any_type(
    client: FlaskClient, images: NDArray[np.uint8], classifier: Classifier, content_type: str
) -> None:
    body = bodies_of(images)[content_type]

    answer = client.post("/invocations", data=body, headers={"Content-Type": content_type})

    expected = classifier.predict(images).probabilities
    document = answer.get_json()
    if "outputs" in document:  # Tensors in, tensors out.
        given = np.array(document["outputs"][0]["data"]).reshape(-1, 10)
    else:
        given = np.array([one["probabilities"] for one in document["predictions"]])
    assert np.allclose(given, expected, atol=1e-6)
    assert answer.headers["X-Model-Version"] == str(classifier.card.version)


def test_an_image_file_is_read_as_predict_does(
    client: FlaskClient, images: NDArray[np.uint8]
) -> None:
    file = encoded(Image.fromarray(images[0]))

    answer = client.post("/invocations", data=file, content_type="image/png")

    (prediction,) = answer.get_json()["predictions"]
    assert prediction["digit"] == client.post("/predict", data=file).get_json()["digit"] == 7


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; q=1", "text/csv"),
        ("application/json;q=0.1, application/x-npy", "application/x-npy"),
        ("application/jsonlines", "application/jsonlines"),
        ("text/csv;q=0, */*", "application/json"),
        ("image/png", "application/json"),
        (";;q=,,", "application/json"),
    ],
)
def test_the_answer_is_of_the_accepted_type(
    client: FlaskClient, accept: str, mimetype: str
) -> None:
    answer = client.post(
        "/invocations",
        data=bytes(784),
        content_type="application/octet-stream",
        headers={"Accept": accept},
    )

    assert (answer.status_code, answer.mimetype) == (200, mimetype)


def test_answers_of_every_type_say_the_same(client: FlaskClient, images: NDArray[np.uint8]) -> None:
    def answered(accept: str) -> bytes:
        answer = client.post(
            "/invocations",
            data=images.tobytes(),
            content_type="application/octet-stream",
            headers={"Accept": accept},
        )
        return bytes(answer.data)

    predictions = json.loads(answered("application/json"))["predictions"]

    lines = answered("application/jsonlines").splitlines()
    assert [json.loads(line) for line in lines] == predictions
    probabilities = np.load(io.BytesIO(answered("application/x-npy")))
    assert (probabilities.shape, probabilities.dtype) == ((3, 10), np.float32)
    assert np.allclose(probabilities, [one["probabilities"] for one in predictions])
    for row, one in zip(answered("text/csv").decode().splitlines(), predictions, strict=True):
        digit, *cells = row.split(",")
        assert digit == ("" if one["digit"] is None else str(one["digit"]))
        assert np.allclose([float(cell) for cell in cells], one["probabilities"])


def test_the_digit_of_a_rejected_image_is_an_empty_cell(client: FlaskClient) -> None:
    answer = client.post(
        "/invocations",
        data=bytes(784),
        content_type="application/octet-stream",
        headers={"Accept": "text/csv"},
    )

    assert answer.text.startswith(",0.1,")


@pytest.mark.parametrize(
    ("content_type", "body", "complaint"),
    [
        ("application/json", b"", "not valid JSON"),
        ("application/json", b"{}", "not an object with 'instances'"),
        ("application/json", b'{"inputs": []}', "inputs"),
        ("application/json", b'{"instances": []}', "expected a list of images"),
        ("application/jsonlines", b"", "no line"),
        ("application/jsonlines", b"\n[0,\n", "Line 1 is not valid JSON"),
        ("application/jsonlines", json.dumps(BLANK).encode() + b"\n{}", "line 2 has neither"),
        ("application/jsonlines", json.dumps(BLANK).encode() + b"\n[1]", "line 2 is a list of 1"),
        ("text/csv", b"1,2", "expected 784 numbers in line 1, got 2"),
        ("application/x-npy", b"numpy", "not a file of numpy"),
        ("application/x-npy", npy(np.zeros((1, 28, 28))), "multiply fractions"),
        ("application/x-npz", b"PK", "not a zip file of numpy"),
        ("application/octet-stream", bytes(783), "a multiple of 784 bytes"),
        ("image/png", b"GIF8", "damaged"),
    ],
)
def test_wrong_bodies_are_explained(
    client: FlaskClient, content_type: str, body: bytes, complaint: str
) -> None:
    answer = client.post("/invocations", data=body, content_type=content_type)

    assert (answer.status_code, answer.mimetype) == (400, "application/json")
    assert complaint in answer.get_json()["error"]


@pytest.mark.parametrize("content_type", ["text/html", "application/x-recordio", "x", "image"])
def test_other_types_are_415_and_the_known_ones_are_named(
    client: FlaskClient, content_type: str
) -> None:
    answer = client.post("/invocations", data=b"x", content_type=content_type)

    assert answer.status_code == 415
    assert "application/x-npy" in answer.get_json()["error"]


@pytest.mark.parametrize(
    "content_type", [type_ for type_ in bodies_of(np.zeros((1, 28, 28), np.uint8)) if type_]
)
def test_too_many_images_are_413(models: Models, content_type: str) -> None:
    client = create_app(ServiceSettings(max_batch=2), models).test_client()
    body = bodies_of(np.zeros((3, 28, 28), np.uint8))[content_type]

    answer = client.post("/invocations", data=body, content_type=content_type)

    assert answer.status_code == 413
    assert "3" in answer.get_json()["error"]


def test_an_image_is_one_however_many_ways_it_may_be_read() -> None:
    readings = np.zeros((3, 28, 28), np.uint8)

    assert Batch(readings).images == 3
    assert Batch(readings, [2, 0, 1]).images == 3
    assert Batch(readings, [3]).images == 1


def test_bombs_are_413(client: FlaskClient) -> None:
    bomb = npz(bytes(30_000_000))

    answer = client.post("/invocations", data=bomb, content_type="application/x-npz")

    assert answer.status_code == 413


def test_batch_transform_learns_what_fits(models: Models) -> None:
    settings = ServiceSettings(workers=2, max_body_bytes=6_000_000)

    answer = create_app(settings, models).test_client().get("/execution-parameters")

    assert answer.get_json() == {
        "MaxConcurrentTransforms": 2,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 5,
    }


def test_ping_is_readiness(client: FlaskClient, tmp_path: Any) -> None:  # noqa: ANN401
    settings = ServiceSettings(registry=RegistrySettings(store=str(tmp_path)), wait_for_model=True)
    models = Models(settings)
    models.prepare()
    empty = create_app(settings, models).test_client()

    assert client.get("/ping").status_code == client.head("/ping").status_code == 200
    assert empty.get("/ping").status_code == empty.head("/ping").status_code == 503
    assert int(empty.get("/ping").headers["Retry-After"]) > 0
    assert empty.post("/invocations", data=json.dumps({"instances": [BLANK]})).status_code == 503


@pytest.fixture
def runtime(service_url: str) -> Iterator[BaseClient]:
    """SageMaker's client of the running service."""
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=service_url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - no secret
    )
    yield client
    client.close()


def test_boto3_invokes_the_service(runtime: Any, images: NDArray[np.uint8]) -> None:  # noqa: ANN401
    for content_type, body in bodies_of(images).items():
        if content_type:
            answer = runtime.invoke_endpoint(
                EndpointName="digits", ContentType=content_type, Body=body
            )
            assert answer["ContentType"] == "application/json"
            assert answer["InvokedProductionVariant"] == "production"
            document = json.loads(answer["Body"].read())
            assert len(document.get("predictions", images)) == 3


def test_boto3_gets_the_type_it_accepts(runtime: Any, images: NDArray[np.uint8]) -> None:  # noqa: ANN401
    answer = runtime.invoke_endpoint(
        EndpointName="digits",
        ContentType="application/x-npy",
        Accept="text/csv",
        CustomAttributes="anything",
        InferenceId="7",
        TargetVariant="production",
        Body=npy(images),
    )

    assert answer["ContentType"] == "text/csv"
    assert answer["Body"].read().startswith(b"7,")


def test_boto3_shows_what_was_wrong(runtime: Any) -> None:  # noqa: ANN401
    with pytest.raises(runtime.exceptions.ModelError, match="multiple of 784 bytes") as caught:
        runtime.invoke_endpoint(
            EndpointName="digits", ContentType="application/octet-stream", Body=b"12"
        )

    assert isinstance(caught.value, ClientError)
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "multiple of 784 bytes" in caught.value.response["OriginalMessage"]
