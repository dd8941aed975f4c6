"""KServe's InferenceRESTClient, in both of its protocols."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from numpy.typing import NDArray

from tests.clients.conftest import Guarded
from tests.programs import ROOT

Images = NDArray[np.uint8]
Answer = TypeVar("Answer")


def ask(protocol: str, question: Callable[[Any], Awaitable[Answer]]) -> Answer:
    """The answer to one question."""

    async def asking() -> Answer:
        client = InferenceRESTClient(RESTConfig(protocol=protocol, retries=0))
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(asking())


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_health(url: str, protocol: str) -> None:
    assert ask(protocol, lambda client: client.is_server_live(url))
    assert ask(protocol, lambda client: client.is_model_ready(url, "digits"))


def test_the_server_of_v2_is_ready(url: str) -> None:
    assert ask("v2", lambda client: client.is_server_ready(url))


def test_v1_predicts(url: str, images: Images) -> None:
    file = (ROOT / "docs/digits/7.png").read_bytes()
    instances = [images[0].tolist(), {"b64": base64.b64encode(file).decode()}]

    answer = ask("v1", lambda client: client.infer(url, {"instances": instances}, "digits"))

    first, second = answer["predictions"]
    assert int(np.argmax(first["probabilities"])) == 7
    assert len(second["probabilities"]) == 10


@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("binary_output", [True, False])
def test_v2_infers(url: str, images: Images, binary_input: bool, binary_output: bool) -> None:
    given = InferInput("pixels", list(images.shape), "UINT8")
    given.set_data_from_numpy(images, binary_data=binary_input)
    output = RequestedOutput("probabilities", {"binary_data": binary_output})
    request = InferRequest("digits", [given], request_id="42", request_outputs=[output])

    answer = ask("v2", lambda client: client.infer(url, request, "digits"))

    assert answer.id == "42"
    assert answer.outputs[0].as_numpy().shape == (8, 10)
    assert answer.outputs[0].as_numpy()[0].argmax() == 7


def test_what_is_wrong_is_shown(url: str, images: Images) -> None:
    body = {"instances": [[0.5] * 784]}
    with pytest.raises(httpx.HTTPStatusError, match="multiply fractions from 0 to 1 by 255"):
        ask("v1", lambda client: client.infer(url, body, "digits"))

    given = InferInput("pixels", [8, 28, 28], "FP32")
    given.set_data_from_numpy(images.astype(np.float32))
    request = InferRequest("digits", [given])
    with pytest.raises(httpx.HTTPStatusError, match="UINT8"):
        ask("v2", lambda client: client.infer(url, request, "digits"))


def test_a_key_is_sent_as_a_header(guarded: Guarded) -> None:
    url = f"http://{guarded.address}"

    for protocol in ("v1", "v2"):
        assert ask(protocol, lambda client: client.is_model_ready(url, "digits", guarded.headers))
    with pytest.raises(httpx.HTTPStatusError, match="This needs an API key"):
        ask("v1", lambda client: client.is_model_ready(url, "digits"))
    # Of V2, this client takes any refusal for not being ready.
    assert not ask("v2", lambda client: client.is_model_ready(url, "digits"))
