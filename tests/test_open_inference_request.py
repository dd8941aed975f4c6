"""What an inference request means, and what is said of one that means nothing."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.errors import InputError, TooLargeError
from service.protocols.open_inference.outputs import RequestedOutput
from service.protocols.open_inference.request import InferenceRequest, read_request
from tests.open_inference import LENGTH, binary, document

BLANK = np.zeros((1, 784), np.uint8)


def read(body: bytes | dict[str, Any], length: str | None = None) -> InferenceRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_request(content, length, max_batch=8)


def refused(body: bytes | dict[str, Any], length: str | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        read(body, length)
    return caught.value


@st.composite
def batches(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Images [N, 784] or [N, 28, 28]."""
    count = draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from([(count, 784), (count, 28, 28)]))
    return random.integers(0, 256, shape, np.uint8)


@given(images=batches(), is_nested=st.booleans(), name=st.text())
def test_json_comes_back_as_pixels(images: NDArray[np.uint8], is_nested: bool, name: str) -> None:
    body = document(images, data=images.tolist()) if is_nested else document(images)

    request = read(body | {"id": name})

    assert np.array_equal(request.pixels, images.reshape(-1, 28, 28))
    assert request.id == name


@pytest.mark.parametrize("shape", [(2, 784), (2, 28, 28), (1568,)])
def test_whole_numbers_may_be_written_as_floats(shape: tuple[int, ...]) -> None:
    images = np.arange(1568).reshape(2, 784) % 256
    floats = images.reshape(shape).astype(float).tolist()

    pixels = read(document(images.astype(np.uint8), data=floats)).pixels

    assert np.array_equal(pixels, images.reshape(2, 28, 28))


@given(images=batches())
def test_bytes_come_back_as_pixels_without_a_copy(images: NDArray[np.uint8]) -> None:
    body, headers = binary(images)

    pixels = read(body, headers[LENGTH]).pixels

    assert np.array_equal(pixels, images.reshape(-1, 28, 28))
    assert np.shares_memory(pixels, np.frombuffer(body, np.uint8))


@given(images=batches())
def test_raw_body_is_pixels_and_wants_binary_answers(images: NDArray[np.uint8]) -> None:
    request = read(images.tobytes(), "0")

    assert np.array_equal(request.pixels, images.reshape(-1, 28, 28))
    assert (request.id, request.outputs, request.is_binary) == (None, [], True)


def test_json_may_come_with_its_length() -> None:
    body = json.dumps(document(BLANK)).encode()

    assert read(body, str(len(body))).pixels.shape == (1, 28, 28)


def test_outputs_may_be_named_with_a_form_for_each() -> None:
    body = document(BLANK) | {
        "parameters": {"binary_data_output": True, "priority": 3, "own": "x"},
        "outputs": [
            {"name": "not_a_digit"},
            {"name": "probabilities", "parameters": {"binary_data": False, "classification": 99}},
        ],
    }

    assert read(body).outputs == [
        RequestedOutput("not_a_digit", is_binary=True),
        RequestedOutput("probabilities", is_binary=False, classes=10),
    ]


def test_members_may_be_null_where_they_may_be_absent() -> None:
    body = document(BLANK, parameters=None) | {"id": None, "parameters": None, "outputs": None}

    request = read(body)

    assert (request.id, request.outputs, request.is_binary) == (None, [], False)


def pixels(**wrong: object) -> list[object]:
    """Black but for the values at these places, which are called `at_5`."""
    values: list[object] = [0] * 784
    for place, value in wrong.items():
        values[int(place.removeprefix("at_"))] = value
    return values


ROWS = np.zeros((28, 28), int).tolist()

FLAWS: list[tuple[dict[str, Any], list[str | int], str, str]] = [
    # Changes to the input; where the flaw is; what came; what was expected.
    ({"name": "image"}, ["inputs", 0, "name"], '"image"', "pixels"),
    ({"name": None}, ["inputs", 0, "name"], "null", "pixels"),
    ({"datatype": "FP32"}, ["inputs", 0, "datatype"], '"FP32"', "UINT8"),
    ({"datatype": "FP99"}, ["inputs", 0, "datatype"], '"FP99"', "UINT8"),
    ({"datatype": 8}, ["inputs", 0, "datatype"], "8", "UINT8"),
    ({"shape": [1, 700]}, ["inputs", 0, "shape"], "[1, 700]", "[N, 28, 28] or [N, 784]"),
    ({"shape": [784]}, ["inputs", 0, "shape"], "[784]", "[N, 28, 28] or [N, 784]"),
    ({"shape": []}, ["inputs", 0, "shape"], "[]", "[N, 28, 28] or [N, 784]"),
    ({"shape": [-1, 784]}, ["inputs", 0, "shape"], "[-1, 784]", "[N, 28, 28] or [N, 784]"),
    ({"shape": [True, 784]}, ["inputs", 0, "shape"], "[true, 784]", "[N, 28, 28] or [N, 784]"),
    ({"shape": [1.0, 784]}, ["inputs", 0, "shape"], "[1.0, 784]", "[N, 28, 28] or [N, 784]"),
    ({"shape": [[1], 784]}, ["inputs", 0, "shape"], "a list of 2", "[N, 28, 28] or [N, 784]"),
    ({"shape": "1x784"}, ["inputs", 0, "shape"], '"1x784"', "[N, 28, 28] or [N, 784]"),
    ({"shape": [0, 784], "data": []}, ["inputs", 0, "shape"], "[0, 784]", "at least one image"),
    ({"shape": [2, 784]}, ["inputs", 0, "data"], "a list of 784", "1568 pixels, as the shape"),
    ({"data": []}, ["inputs", 0, "data"], "[]", "784 pixels"),
    ({"data": "0"}, ["inputs", 0, "data"], '"0"', "a list of 784 pixels"),
    ({"data": pixels(at_9="0")}, ["inputs", 0, "data", 9], '"0"', "a whole number from 0 to 255"),
    ({"data": pixels(at_9=256)}, ["inputs", 0, "data", 9], "256", "a whole number from 0 to 255"),
    ({"data": pixels(at_9=-1)}, ["inputs", 0, "data", 9], "-1", "a whole number from 0 to 255"),
    ({"data": pixels(at_9=0.5)}, ["inputs", 0, "data", 9], "0.5", "a whole number from 0 to 255"),
    ({"data": pixels(at_3=7.0, at_9=0.5)}, ["inputs", 0, "data", 9], "0.5", "a whole number"),
    ({"data": pixels(at_3=7.0, at_9=256)}, ["inputs", 0, "data", 9], "256", "a whole number"),
    ({"data": [pixels(at_3=7.0, at_9=-0.5)]}, ["inputs", 0, "data", 0, 9], "-0.5", "a whole"),
    ({"data": pixels(at_3=7.0, at_9=True)}, ["inputs", 0, "data", 3], "7.0", "a whole number"),
    ({"data": pixels(at_9=1e99)}, ["inputs", 0, "data", 9], "1e+99", "a whole number"),
    ({"data": pixels(at_9=True)}, ["inputs", 0, "data", 9], "true", "a whole number from 0 to 255"),
    ({"data": pixels(at_9=None)}, ["inputs", 0, "data", 9], "null", "a whole number from 0 to 255"),
    ({"data": pixels(at_9=[0])}, ["inputs", 0, "data", 9], "[0]", "a whole number from 0 to 255"),
    ({"data": [pixels(at_9=False)]}, ["inputs", 0, "data", 0, 9], "false", "a whole number"),
    ({"data": [[0] * 783]}, ["inputs", 0, "data", 0], "a list of 783", "28 rows or 784 values"),
    ({"data": [ROWS, ROWS]}, ["inputs", 0, "data"], "a list of 2", "1 images"),
    ({"data": [[*ROWS[:27], 28]]}, ["inputs", 0, "data", 0, 27], "28", "28 values"),
    ({"data": [[*ROWS[:27], [0] * 29]]}, ["inputs", 0, "data", 0, 27], "a list of 29", "28 values"),
    ({"parameters": []}, ["inputs", 0, "parameters"], "[]", "an object"),
    (
        {"parameters": {"binary_data_size": 784}},
        ["inputs", 0, "parameters", "binary_data_size"],
        "784",
        "nothing, as there is data",
    ),
]


@pytest.mark.parametrize(("changes", "place", "got", "expected"), FLAWS)
def test_flaw_of_the_input_is_named(
    changes: dict[str, Any], place: list[str | int], got: str, expected: str
) -> None:
    error = refused(document(BLANK, **changes))

    (problem,) = error.problems
    assert problem["loc"] == place
    assert problem["got"] == got
    assert expected in problem["expected"]
    assert str(error).startswith(f"{'.'.join(map(str, place))} is {got}, expected {expected}")


TENSOR = document(BLANK)["inputs"][0]


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"inputs": []}, ["inputs"]),
        ({"inputs": {}}, ["inputs"]),
        ({"inputs": None}, ["inputs"]),
        ({"inputs": [TENSOR, TENSOR]}, ["inputs"]),
        ({"inputs": ["pixels"]}, ["inputs", 0]),
        ({"id": 7}, ["id"]),
        ({"id": True}, ["id"]),
        ({"parameters": "none"}, ["parameters"]),
        ({"parameters": {"binary_data_output": 1}}, ["parameters", "binary_data_output"]),
        ({"outputs": "all"}, ["outputs"]),
        ({"outputs": ["probabilities"]}, ["outputs", 0]),
        ({"outputs": [{}]}, ["outputs", 0, "name"]),
        ({"outputs": [{"name": "logits"}]}, ["outputs", 0, "name"]),
        ({"outputs": [{"name": ["probabilities"]}]}, ["outputs", 0, "name"]),
        ({"outputs": [{"name": "not_a_digit"}] * 2}, ["outputs"]),
    ],
)
def test_flaw_around_the_input_is_named(members: dict[str, Any], place: list[str | int]) -> None:
    error = refused(document(BLANK) | members)

    assert [problem["loc"] for problem in error.problems] == [place]


@pytest.mark.parametrize(
    ("name", "parameters", "complaint"),
    [
        ("probabilities", {"binary_data": "yes"}, 'is "yes", expected true or false'),
        ("probabilities", {"classification": 0}, "is 0, expected a number of classes, from 1 to"),
        ("probabilities", {"classification": True}, "is true, expected a number of classes"),
        ("probabilities", {"classification": 2.0}, "is 2.0, expected a number of classes"),
        ("not_a_digit", {"classification": 1}, "is 1, expected nothing, as only probabilities"),
    ],
)
def test_flaw_of_an_output_is_named(name: str, parameters: dict[str, Any], complaint: str) -> None:
    body = document(BLANK) | {"outputs": [{"name": name, "parameters": parameters}]}

    assert complaint in str(refused(body))


@pytest.mark.parametrize("length", ["9999", "abc", "-1", "", "1.5", "٣", "9" * 5000, "0x10"])
def test_length_of_json_has_to_be_one(length: str) -> None:
    error = refused(document(BLANK), length)

    assert [problem["loc"] for problem in error.problems] == [["headers", LENGTH]]


@pytest.mark.parametrize("size", [783, 785, 0, -784, 784.0, "784", True, None])
def test_bytes_have_to_be_as_many_as_was_said(size: object) -> None:
    body, _ = binary(BLANK)
    text = json.dumps(document(BLANK, parameters={"binary_data_size": size})).replace(
        f', "data": {[0] * 784}', ""
    )

    error = refused(text.encode() + body[-784:], str(len(text)))

    assert "expected 784, as by Inference-Header-Content-Length that many bytes follow" in str(
        error
    )


def test_bytes_have_to_be_as_many_as_the_shape_says() -> None:
    body, headers = binary(BLANK)

    error = refused(body.replace(b"[1, 784]", b"[2, 784]"), headers[LENGTH])

    assert "is 784, expected 1568 bytes, as the shape is [2, 784]" in str(error)


def test_bytes_that_nobody_mentioned_are_refused() -> None:
    text = json.dumps(document(BLANK)).encode()

    assert "is missing, expected 3, as that many bytes" in str(
        refused(text + b"abc", str(len(text)))
    )


@pytest.mark.parametrize("size", [0, 1, 783, 785])
def test_raw_body_is_whole_images(size: int) -> None:
    assert "a multiple of 784 bytes" in str(refused(bytes(size), "0"))


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (json.dumps(document(np.zeros((9, 784), np.uint8))).encode(), None),
        (json.dumps(document(BLANK, shape=[10**18, 784])).encode(), None),
        (bytes(9 * 784), "0"),
    ],
)
def test_more_images_than_allowed_are_too_large(body: bytes, length: str | None) -> None:
    with pytest.raises(TooLargeError, match="more than the 8 allowed"):
        read(body, length)


def test_unknown_datatype_is_told_from_a_wrong_one() -> None:
    assert "no such datatype" in str(refused(document(BLANK, datatype="FP99")))
    assert "no such datatype" not in str(refused(document(BLANK, datatype="FP32")))
    assert "whole numbers from 0 to 255" in str(refused(document(BLANK, datatype="FP32")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    place=st.sampled_from([[], ["inputs"], ["inputs", 0], ["outputs"], ["outputs", 0]]),
    name=st.sampled_from(["name", "shape", "datatype", "data", "parameters", "id", "outputs"]),
    value=JSON,
    length=st.none() | st.text(max_size=4) | st.integers(0, 1000).map(str),
)
def test_nothing_fails_but_as_an_input_error(
    place: list[str | int], name: str, value: object, length: str | None
) -> None:
    body: Any = document(BLANK) | {"outputs": [{"name": "probabilities"}]}
    holder = body
    for step in place:
        holder = holder[step]
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[name] = value

    try:
        read(body, length)
    except InputError as error:
        message, problems = str(error), error.problems
    else:
        return

    assert len(message) < 400
    json.dumps(problems, allow_nan=False)
