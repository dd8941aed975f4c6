"""NVIDIA's tritonclient, blocking and asynchronous."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from tests.clients.conftest import Guarded

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    client = triton.InferenceServerClient(address)
    yield client
    client.close()


def tensor(images: Images, *, binary: bool = True, module: Any = triton) -> list[Any]:  # noqa: ANN401
    given = module.InferInput("pixels", list(images.shape), "UINT8")
    given.set_data_from_numpy(images, binary_data=binary)
    return [given]


@pytest.fixture(scope="module")
def expected(client: Any, images: Images) -> NDArray[np.float32]:  # noqa: ANN401
    """What the model says by the plainest of ways."""
    probabilities: NDArray[np.float32] = client.infer("digits", tensor(images)).as_numpy(
        "probabilities"
    )
    return probabilities


def test_health(client: Any) -> None:  # noqa: ANN401
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "1")
    assert not client.is_model_ready("letters")
    assert not client.is_model_ready("digits", "99")


def test_metadata_and_configuration(client: Any) -> None:  # noqa: ANN401
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("digits")
    assert metadata["inputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities", "not_a_digit"]
    config = client.get_model_config("digits", "1")
    assert config["input"][0]["data_type"] == "TYPE_UINT8"
    assert config["max_batch_size"] > 0


def test_first_test_digit_is_read(expected: NDArray[np.float32]) -> None:
    assert expected.shape == (8, 10)
    assert expected[0].argmax() == 7


@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("binary_output", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_inference_in_every_encoding(
    client: Any,  # noqa: ANN401
    images: Images,
    expected: NDArray[np.float32],
    binary_input: bool,
    binary_output: bool,
    compression: str | None,
) -> None:
    answer = client.infer(
        "digits",
        tensor(images, binary=binary_input),
        model_version="1",
        request_id="42",
        outputs=[
            triton.InferRequestedOutput("probabilities", binary_data=binary_output),
            triton.InferRequestedOutput("not_a_digit", binary_data=binary_output),
        ],
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
        priority=1,
        timeout=1_000_000,
        parameters={"own": "value"},
    )

    assert np.allclose(answer.as_numpy("probabilities"), expected, atol=1e-6)
    assert answer.as_numpy("not_a_digit").shape == (8,)
    assert answer.get_response()["id"] == "42"
    assert answer.get_response()["model_version"] == "1"


def test_large_answers_are_compressed(client: Any, images: Images) -> None:  # noqa: ANN401
    many = np.tile(images, (32, 1, 1))

    answer = client.infer("digits", tensor(many), response_compression_algorithm="gzip")

    assert answer.as_numpy("probabilities").shape == (256, 10)


@pytest.mark.parametrize("binary", [True, False])
def test_classification(client: Any, images: Images, binary: bool) -> None:  # noqa: ANN401
    output = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)

    classes = client.infer("digits", tensor(images), outputs=[output]).as_numpy("probabilities")

    assert classes.shape == (8, 3)
    first = classes[0][0]
    value, index, label = (first.decode() if isinstance(first, bytes) else first).split(":")
    assert (float(value) > 0, index, label) == (True, "7", "7")


def test_asynchronous_requests_of_the_blocking_client(
    address: str, images: Images, expected: NDArray[np.float32]
) -> None:
    with triton.InferenceServerClient(address, concurrency=4) as client:
        pending = [client.async_infer("digits", tensor(images)) for _ in range(8)]
        answers = [request.get_result().as_numpy("probabilities") for request in pending]

    assert all(np.allclose(answer, expected) for answer in answers)


def test_asyncio(address: str, images: Images, expected: NDArray[np.float32]) -> None:
    async def ask() -> Any:  # noqa: ANN401
        async with triton_aio.InferenceServerClient(address) as client:
            assert await client.is_server_ready()
            assert await client.is_model_ready("digits")
            given = tensor(images, module=triton_aio)
            return await asyncio.gather(
                *(
                    client.infer(
                        "digits",
                        given,
                        request_compression_algorithm=compression,
                        response_compression_algorithm=compression,
                    )
                    for compression in (None, "gzip", "deflate")
                )
            )

    for answer in asyncio.run(ask()):
        assert np.allclose(answer.as_numpy("probabilities"), expected)


def test_statistics_count_requests(client: Any, images: Images) -> None:  # noqa: ANN401
    def counted() -> int:
        (stats,) = client.get_inference_statistics("digits")["model_stats"]
        return int(stats["inference_count"])

    before = counted()
    client.infer("digits", tensor(images))

    assert counted() == before + 8
    assert client.get_inference_statistics()["model_stats"]


def test_repository_index(client: Any) -> None:  # noqa: ANN401
    assert client.get_model_repository_index() == [
        {"name": "digits", "version": "1", "state": "READY"}
    ]


def test_administrator_unloads_and_loads(guarded: Guarded, images: Images) -> None:
    with triton.InferenceServerClient(guarded.address, concurrency=4) as client:
        headers = guarded.headers
        client.unload_model("digits", headers=headers)
        assert not client.is_model_ready("digits", headers=headers)
        assert not client.is_server_ready()
        with pytest.raises(InferenceServerException, match="unloaded"):
            client.infer("digits", tensor(images), headers=headers)

        client.load_model("digits", headers=headers)
        assert client.is_model_ready("digits", headers=headers)
        assert client.infer("digits", tensor(images), headers=headers)
        with pytest.raises(InferenceServerException, match="from the registry as they are"):
            client.load_model("digits", headers=headers, config="{}")
        for change in (client.load_model, client.unload_model):
            with pytest.raises(InferenceServerException, match="There is no model 'letters'"):
                change("letters", headers=headers)


def test_without_a_key_the_reason_is_shown(guarded: Guarded, images: Images) -> None:
    with triton.InferenceServerClient(guarded.address) as client:
        with pytest.raises(InferenceServerException, match="This needs an API key"):
            client.infer("digits", tensor(images))
        with pytest.raises(InferenceServerException, match="This needs an API key"):
            client.unload_model("digits")


def test_without_keys_nobody_administers(client: Any) -> None:  # noqa: ANN401
    with pytest.raises(InferenceServerException, match="Administration is off"):
        client.unload_model("digits")


def given(name: str, shape: list[int], datatype: str, data: NDArray[Any]) -> list[Any]:
    tensor = triton.InferInput(name, shape, datatype)
    tensor.set_data_from_numpy(data)
    return [tensor]


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        (given("image", [1, 28, 28], "UINT8", np.zeros((1, 28, 28), np.uint8)), "expected pixels"),
        (given("pixels", [1, 28, 28], "FP32", np.zeros((1, 28, 28), np.float32)), "UINT8"),
        (given("pixels", [1, 27, 28], "UINT8", np.zeros((1, 27, 28), np.uint8)), "shape"),
        (given("pixels", [0, 28, 28], "UINT8", np.zeros((0, 28, 28), np.uint8)), "one image"),
        (2 * given("pixels", [1, 784], "UINT8", np.zeros((1, 784), np.uint8)), "one input"),
    ],
)
def test_what_is_wrong_is_shown(client: Any, inputs: list[Any], complaint: str) -> None:  # noqa: ANN401
    with pytest.raises(InferenceServerException, match=complaint) as caught:
        client.infer("digits", inputs)

    assert caught.value.status() == "400"


def test_an_unknown_output_or_version_is_shown(client: Any, images: Images) -> None:  # noqa: ANN401
    with pytest.raises(InferenceServerException, match="logits"):
        client.infer("digits", tensor(images), outputs=[triton.InferRequestedOutput("logits")])
    with pytest.raises(InferenceServerException, match="has no version 99"):
        client.infer("digits", tensor(images), model_version="99")
