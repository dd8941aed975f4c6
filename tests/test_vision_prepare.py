import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from service.models.classifier import Classifier
from service.verdict import Thresholds, judge
from service.vision import Prepared, find_digits, prepare
from tests.drawings import drawing, encoded
from training.mnist import Mnist

LIMIT = 1_000_000


def prepared(image: Image.Image, file_format: str = "PNG") -> Prepared:
    return prepare(encoded(image, file_format), max_pixels=LIMIT)


def only_candidate(image: Image.Image) -> NDArray[np.uint8]:
    (candidate,) = prepared(image).candidates
    seen: NDArray[np.uint8] = candidate
    return seen


def similarity(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Cosine of the angle between two images."""
    a, b = one.astype(float).ravel(), other.astype(float).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def in_a_row(images: list[NDArray[np.uint8]], *, gap: int = 0) -> Image.Image:
    """Drawings of 280 by 280 pixels side by side."""
    sheet = Image.new("L", (len(images) * (280 + gap), 280), 255)
    for place, image in enumerate(images):
        sheet.paste(drawing(image), (place * (280 + gap), 0))
    return sheet


def test_mnist_keeps_its_pixels(sample: Mnist) -> None:
    for image in sample.train.images:
        assert np.array_equal(only_candidate(Image.fromarray(image)), image)


def test_negative_of_mnist_comes_back(sample: Mnist) -> None:
    for image in sample.train.images:
        assert np.array_equal(only_candidate(Image.fromarray(255 - image)), image)


@pytest.mark.parametrize(
    ("ink", "paper"), [(0, 255), (255, 0), (90, 200), (200, 60)], ids=lambda grey: str(grey)
)
def test_polarity_and_contrast_do_not_matter(ink: int, paper: int, sample: Mnist) -> None:
    likeness = [
        similarity(only_candidate(drawing(image, ink=ink, paper=paper)), image)
        for image in sample.test.images[:50]
    ]

    assert np.mean(likeness) > 0.95


@given(left=st.integers(0, 200), top=st.integers(0, 200), side=st.integers(60, 280))
def test_place_and_size_do_not_matter(sample: Mnist, left: int, top: int, side: int) -> None:
    image = sample.test.images[0]
    page = Image.new("L", (left + side + 40, top + side + 60), 255)
    page.paste(drawing(image).resize((side, side)), (left, top))

    # Where the middle of the mass is between two pixels, it may come to lie in either.
    assert similarity(only_candidate(page), image) > 0.8


def test_drawings_are_read_as_well_as_the_originals(classifier: Classifier, sample: Mnist) -> None:
    def read(images: list[NDArray[np.uint8]]) -> float:
        digits = classifier.predict(np.stack(images)).probabilities.argmax(1)
        return float((digits == sample.test.labels).mean())

    originals = list(sample.test.images)
    drawings = [prepared(drawing(image), "JPEG").candidates[0] for image in originals]

    assert read(originals) > 0.8
    assert read(drawings) > read(originals) - 0.05


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_blank_image_has_no_candidate(mode: str) -> None:
    blank = prepared(Image.new(mode, (100, 100)))

    assert blank.candidates.shape == (0, 28, 28)
    assert not blank.several


def test_several_digits_are_told_from_one(sample: Mnist) -> None:
    one, other = sample.test.images[:2]

    assert prepared(in_a_row([one, other])).several
    assert not prepared(in_a_row([one])).several


def test_digits_of_a_number_are_found_where_they_are(classifier: Classifier, sample: Mnist) -> None:
    images = list(sample.test.images[:5])

    page = find_digits(encoded(in_a_row(images, gap=20)), max_pixels=LIMIT)

    assert (page.width, page.height) == (1500, 280)
    assert [found.box.left // 300 for found in page.digits] == [0, 1, 2, 3, 4]
    for image, found in zip(images, page.digits, strict=True):
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert found.box.top == pytest.approx(rows[0] * 10, abs=15)
        assert found.box.height == pytest.approx((rows[-1] + 1 - rows[0]) * 10, abs=30)
        assert found.box.width == pytest.approx((columns[-1] + 1 - columns[0]) * 10, abs=30)
        assert similarity(found.candidates[0], image) > 0.9


def test_boxes_are_in_pixels_of_the_upright_image(sample: Mnist) -> None:
    sheet = Image.new("L", (600, 1200), 255)
    sheet.paste(drawing(sample.test.images[0]), (300, 800))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(sheet.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    page = find_digits(stored, max_pixels=LIMIT)

    assert (page.width, page.height) == (600, 1200)
    (found,) = page.digits
    assert 300 < found.box.left < found.box.right < 580
    assert 800 < found.box.top < found.box.bottom < 1080


def test_page_without_digits_is_empty() -> None:
    page = find_digits(encoded(Image.new("L", (40, 30))), max_pixels=LIMIT)

    assert page == (40, 30, [])


def test_mnist_is_one_digit_of_a_page(sample: Mnist) -> None:
    image = sample.test.images[0]

    (found,) = find_digits(encoded(Image.fromarray(image)), max_pixels=LIMIT).digits

    assert np.array_equal(found.candidates, image[None])
    assert (found.box.width, found.box.height) == (28, 28)


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4]))
    )
)
def test_any_image_is_read(classifier: Classifier, pixels: NDArray[np.uint8]) -> None:
    content = encoded(Image.fromarray(pixels), "BMP" if pixels.shape[2] == 3 else "PNG")

    candidates, several = prepare(content, max_pixels=LIMIT)
    page = find_digits(content, max_pixels=LIMIT)

    assert candidates.shape[1:] == (28, 28)
    assert candidates.dtype == np.uint8
    if len(candidates):
        judge(classifier.predict(candidates), Thresholds(), several=several)
    for found in page.digits:
        assert 0 <= found.box.left < found.box.right <= page.width
        assert 0 <= found.box.top < found.box.bottom <= page.height
