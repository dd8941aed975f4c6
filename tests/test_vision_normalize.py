import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from service.classifier import Classifier
from service.errors import BlankImageError
from service.vision.decode import decode
from service.vision.normalize import normalize
from tests.drawings import drawing, encoded
from training.mnist import Mnist


def similarity(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Cosine of the angle between two images."""
    a, b = one.astype(float).ravel(), other.astype(float).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_mnist_passes_unchanged(sample: Mnist) -> None:
    for image in sample.train.images:
        assert np.array_equal(normalize(image), image)


def test_inverted_mnist_comes_back(sample: Mnist) -> None:
    for image in sample.train.images:
        assert np.array_equal(normalize(255 - image), image)


@pytest.mark.parametrize(
    ("ink", "paper"), [(0, 255), (255, 0), (90, 200), (200, 60)], ids=lambda grey: str(grey)
)
def test_polarity_and_contrast_do_not_matter(ink: int, paper: int, sample: Mnist) -> None:
    likeness = [
        similarity(normalize(np.asarray(drawing(image, ink=ink, paper=paper))), image)
        for image in sample.test.images
    ]

    assert np.mean(likeness) > 0.95


@given(left=st.integers(0, 200), top=st.integers(0, 200), side=st.integers(60, 280))
def test_place_and_size_do_not_matter(sample: Mnist, left: int, top: int, side: int) -> None:
    image = sample.test.images[0]
    page = Image.new("L", (left + side + 40, top + side + 60), 255)
    page.paste(drawing(image).resize((side, side)), (left, top))

    assert similarity(normalize(np.asarray(page)), image) > 0.85


def test_aspect_ratio_is_kept() -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[20:180, 95:105] = 0

    seen = normalize(page)

    assert (seen.max(1) > 0).sum() == 20
    assert (seen.max(0) > 0).sum() <= 3


def test_centre_of_mass_is_in_the_middle() -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[10:60, 10:16] = 0
    page[54:60, 10:50] = 0

    seen = normalize(page).astype(float)

    rows, columns = np.mgrid[:28, :28]
    assert (seen * rows).sum() / seen.sum() == pytest.approx(14, abs=0.75)
    assert (seen * columns).sum() / seen.sum() == pytest.approx(14, abs=0.75)


def test_drawings_are_read_as_well_as_the_originals(classifier: Classifier, sample: Mnist) -> None:
    def read(images: list[NDArray[np.uint8]]) -> float:
        return float(
            (
                classifier.predict(np.stack(images)).probabilities.argmax(1) == sample.test.labels
            ).mean()
        )

    originals = list(sample.test.images)
    drawings = [encoded(drawing(image), "JPEG") for image in originals]
    normalized = [normalize(decode(content, max_pixels=10**6).grey) for content in drawings]

    assert read(originals) > 0.8
    assert read(normalized) > read(originals) - 0.05


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_image_is_refused(grey: int) -> None:
    with pytest.raises(BlankImageError, match="blank"):
        normalize(np.full((100, 100), grey, np.uint8))


def test_faint_noise_is_blank() -> None:
    noise = np.random.default_rng(0).integers(240, 256, (100, 100), np.uint8)

    with pytest.raises(BlankImageError):
        normalize(noise)


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=60)))
def test_any_image_is_normalized_or_blank(grey: NDArray[np.uint8]) -> None:
    try:
        seen = normalize(grey)
    except BlankImageError:
        return
    assert seen.shape == (28, 28)
    assert seen.dtype == np.uint8
    assert seen.max() > 0
