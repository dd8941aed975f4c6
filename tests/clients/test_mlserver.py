"""MLServer's command for many requests: `mlserver infer`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clients.conftest import Guarded

Images = NDArray[np.uint8]


def infer(address: str, requests: list[Any], folder: Path, *options: str) -> list[Any]:
    """What the command writes for each of `requests`."""
    given, written = folder / "requests.jsonl", folder / "responses.jsonl"
    given.write_text("\n".join(map(json.dumps, requests)))
    mlserver = Path(sys.executable).with_name("mlserver")
    files = ("--input-data-path", given, "--output-data-path", written)
    command = [mlserver, "infer", "--url", address, "--model-name", "digits", *files, *options]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    answers = [json.loads(line) for line in written.read_text().splitlines()]
    return sorted(answers, key=lambda answer: int(answer["parameters"]["batch_index"]))


def request(images: Images) -> dict[str, Any]:
    data = images.ravel().tolist()
    given = {"name": "pixels", "shape": images.shape, "datatype": "UINT8", "data": data}
    return {"inputs": [given]}


@pytest.mark.parametrize("options", [(), ("--batch-size", "3"), ("--workers", "2")])
def test_each_request_of_a_file_is_answered(
    address: str, images: Images, tmp_path: Path, options: tuple[str, ...]
) -> None:
    answers = infer(address, [request(image[None]) for image in images], tmp_path, *options)

    assert len(answers) == 8
    probabilities = [answer["outputs"][0]["data"] for answer in answers]
    assert all(len(row) == 10 for row in probabilities)
    assert int(np.argmax(probabilities[0])) == 7


def test_binary_requests_are_answered(address: str, images: Images, tmp_path: Path) -> None:
    answers = infer(address, [request(images)], tmp_path, "--binary-data")

    assert len(answers) == 1
    assert "error" not in answers[0]


def test_a_key_is_sent_as_a_header(guarded: Guarded, images: Images, tmp_path: Path) -> None:
    key = guarded.headers["Authorization"]

    (answer,) = infer(
        guarded.address,
        [request(images)],
        tmp_path,
        "--request-headers",
        f"Authorization:{key}",
    )

    assert len(answer["outputs"][0]["data"]) == 80


def test_what_is_wrong_is_written(address: str, images: Images, tmp_path: Path) -> None:
    (answer,) = infer(address, [request(images[:, :27])], tmp_path)

    assert "shape" in json.dumps(answer)
