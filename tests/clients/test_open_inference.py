"""The client that is generated from the Open Inference Protocol's own description."""

import numpy as np
import pytest
from numpy.typing import NDArray
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest, RequestInput, RequestOutput

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(url: str) -> OpenInferenceClient:
    return OpenInferenceClient(base_url=url)


def request(images: Images, datatype: str = "UINT8") -> InferenceRequest:
    data = images.ravel().tolist()
    given = RequestInput(name="pixels", shape=list(images.shape), datatype=datatype, data=data)
    return InferenceRequest(id="42", inputs=[given], outputs=[RequestOutput(name="probabilities")])


def test_health_and_metadata(client: OpenInferenceClient) -> None:
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness("digits")
    client.check_model_version_readiness("digits", "1")
    assert client.read_server_metadata().name == "ziffer"
    assert client.read_model_metadata("digits").versions == ["1"]
    assert client.read_model_version_metadata("digits", "1").platform == "onnx_onnxv1"


def test_inference(client: OpenInferenceClient, images: Images) -> None:
    answers = [
        client.model_infer("digits", request=request(images)),
        client.model_version_infer("digits", "1", request=request(images)),
    ]

    for answer in answers:
        assert answer.id == "42"
        (output,) = answer.outputs
        assert output.shape == [8, 10]
        data = getattr(output.data, "__root__", output.data)
        assert int(np.argmax(data[:10])) == 7


def test_what_is_wrong_is_shown(client: OpenInferenceClient, images: Images) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.model_infer("digits", request=request(images, "FP32"))
    with pytest.raises(ApiError) as unknown:
        client.check_model_readiness("letters")

    assert "UINT8" in refused.value.body["error"]
    assert unknown.value.status_code == 404
