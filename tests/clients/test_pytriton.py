"""PyTriton's client, which shapes its requests by the model's configuration."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytriton.client import AsyncioModelClient, ModelClient
from pytriton.client.exceptions import PyTritonClientInferenceServerError

Images = NDArray[np.uint8]


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with ModelClient(url, "digits") as client:
        yield client


def test_the_configuration_is_understood(client: Any) -> None:  # noqa: ANN401
    config = client.model_config

    assert config.max_batch_size > 0
    assert [(tensor.name, tensor.shape) for tensor in config.inputs] == [("pixels", (28, 28))]
    assert [tensor.name for tensor in config.outputs] == ["probabilities", "not_a_digit"]


def test_batches_are_inferred(client: Any, images: Images) -> None:  # noqa: ANN401
    by_place = client.infer_batch(images)
    by_name = client.infer_batch(pixels=images)

    assert by_place["probabilities"].shape == (8, 10)
    assert by_place["probabilities"][0].argmax() == 7
    assert by_place["not_a_digit"].shape[0] == 8
    assert np.array_equal(by_place["probabilities"], by_name["probabilities"])


def test_a_sample_needs_no_batch(client: Any, images: Images) -> None:  # noqa: ANN401
    answer = client.infer_sample(images[0])

    assert answer["probabilities"].shape == (10,)
    assert answer["probabilities"].argmax() == 7


def test_a_version_can_be_named(url: str, images: Images) -> None:
    with ModelClient(url, "digits", "1") as client:
        assert client.infer_batch(images)["probabilities"].shape == (8, 10)


def test_what_is_wrong_is_shown(client: Any, images: Images) -> None:  # noqa: ANN401
    with pytest.raises(PyTritonClientInferenceServerError, match="shape"):
        client.infer_batch(images[:, :27])


def test_asyncio(url: str, images: Images) -> None:
    async def ask() -> Any:  # noqa: ANN401
        async with AsyncioModelClient(url, "digits") as client:
            return await client.infer_batch(images)

    assert asyncio.run(ask())["probabilities"].shape == (8, 10)
