import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.vision.normalize import is_mnist_like, normalize
from training.mnist import Mnist


def test_mnist_is_mnist_like_and_its_negative_is_not(sample: Mnist) -> None:
    assert all(is_mnist_like(image) for image in sample.train.images)
    assert not any(is_mnist_like(255 - image) for image in sample.train.images)


def test_aspect_ratio_is_kept() -> None:
    seen = normalize(np.full((160, 20), 255, np.uint8))

    assert (seen.max(1) > 0).sum() == 20
    assert (seen.max(0) > 0).sum() <= 3


def test_centre_of_mass_is_in_the_middle() -> None:
    ink = np.zeros((50, 40), np.uint8)
    ink[:, :6] = 255
    ink[-6:] = 255

    seen = normalize(ink).astype(float)

    rows, columns = np.mgrid[:28, :28]
    assert (seen * rows).sum() / seen.sum() == pytest.approx(14, abs=0.75)
    assert (seen * columns).sum() / seen.sum() == pytest.approx(14, abs=0.75)


@pytest.mark.parametrize(("pen", "width"), [(1, 0.9), (5, 1.2), (8, 1.4), (20, 2)])
def test_thin_strokes_become_wider(pen: int, width: float) -> None:
    cross = np.zeros((200, 200), np.uint8)
    cross[100 - pen // 2 :][:pen] = 255
    cross[:, 100 - pen // 2 :][:, :pen] = 255

    # A pixel of the box is ten of these.
    assert normalize(cross)[:, 6].astype(float).sum() / 255 >= width


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=60)))
def test_any_ink_is_normalized(ink: NDArray[np.uint8]) -> None:
    ink[0, 0] = 255

    seen = normalize(ink)

    assert seen.shape == (28, 28)
    assert seen.dtype == np.uint8
    assert seen.max() > 0
