"""Images as JSON numbers."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InputError
from service.pixels import image_of, images_of

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 256)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda values: st.lists(values, max_size=30) | st.dictionaries(st.text(max_size=3), values),
    max_leaves=30,
)


def read(value: object) -> np.ndarray[Any, Any]:
    """What the service makes of `value` in a body."""
    text = json.dumps(value).encode()
    return image_of(orjson.loads(text), ["pixels"], text)


@given(st.binary(min_size=784, max_size=784))
def test_rows_and_flat_lists_are_the_same_image(content: bytes) -> None:
    image = np.frombuffer(content, np.uint8).reshape(1, 28, 28)

    assert np.array_equal(read(image[0].tolist()), image)
    assert np.array_equal(read(image.ravel().tolist()), image)


@given(JSON_VALUES)
def test_whatever_is_no_image_is_refused_in_one_sentence(value: object) -> None:
    text = json.dumps({"pixels": value}).encode()

    for reader in (image_of, images_of):
        with pytest.raises(InputError) as caught:
            reader(orjson.loads(text)["pixels"], ["pixels"], text)
        assert str(caught.value).startswith("pixels")
        (problem,) = caught.value.problems
        assert problem["loc"][0] == "pixels"


@given(
    st.integers(0, 783),
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), -1)
    | st.integers(256, 2**64 - 1)
    | st.text()
    | st.just([0]),
)
def test_one_wrong_pixel_is_found_where_it_is(place: int, wrong: object) -> None:
    flat: list[object] = [0] * 784
    flat[place] = wrong
    rows = [flat[start : start + 28] for start in range(0, 784, 28)]

    with pytest.raises(InputError) as caught:
        read(rows)

    (problem,) = caught.value.problems
    assert problem["loc"] == ["pixels", place // 28, place % 28]
    assert problem["expected"] == "a whole number from 0 to 255"


def test_fractions_are_refused_with_what_to_do_about_them() -> None:
    with pytest.raises(InputError, match="multiply fractions from 0 to 1 by 255"):
        read([0.5] * 784)


def test_many_images_come_in_either_shape() -> None:
    text = json.dumps([[7] * 784, [[7] * 28] * 28]).encode()

    images = images_of(orjson.loads(text), ["instances"], text)

    assert images.shape == (2, 28, 28)
    assert set(images.ravel().tolist()) == {7}


def test_the_wrong_one_of_many_images_is_named() -> None:
    text = json.dumps([[7] * 784, [7] * 783]).encode()

    with pytest.raises(InputError, match=r"instances\.1 is a list of 783") as caught:
        images_of(orjson.loads(text), ["instances"], text)

    assert caught.value.kind == "shape-mismatch"
