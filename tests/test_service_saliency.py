import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.models.classifier import Classifier
from service.saliency import saliency
from training.mnist import Mnist


def digit_of(classifier: Classifier, pixels: NDArray[np.uint8]) -> int:
    return int(classifier.predict(pixels[None]).probabilities.argmax())


def with_place_changed(pixels: NDArray[np.uint8], row: int, column: int) -> NDArray[np.uint8]:
    changed = pixels.copy()
    ink = 0 if pixels[row, column] > 127 else 255
    changed[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = ink
    return changed


def test_place_that_matters_most_is_where_a_change_costs_most(
    classifier: Classifier, sample: Mnist
) -> None:
    for pixels in sample.test.images[:10]:
        digit = digit_of(classifier, pixels)
        said = saliency(classifier, pixels, digit)

        places = (divmod(int(place), 28) for place in (said.argmax(), said.argmin()))
        changed = [with_place_changed(pixels, row, column) for row, column in places]
        for_most, for_least = classifier.predict(np.stack(changed)).probabilities[:, digit]
        assert for_most < for_least


def test_digit_and_its_rival_see_a_place_with_other_eyes(
    classifier: Classifier, sample: Mnist
) -> None:
    pixels = sample.test.images[0]
    order = classifier.predict(pixels[None]).probabilities[0].argsort()
    digit, rival = int(order[-1]), int(order[-2])

    one, other = (saliency(classifier, pixels, each).ravel() for each in (digit, rival))

    # As of vectors: the cosine of the angle between them.
    assert one @ other < -0.5 * np.sqrt((one @ one) * (other @ other))


def test_empty_places_speak_too_but_only_in_the_digits_frame(
    classifier: Classifier, sample: Mnist
) -> None:
    pixels = sample.test.images[0]
    said = saliency(classifier, pixels, digit_of(classifier, pixels))

    assert said[pixels == 0].any()
    assert not said[~pixels.any(1)].any()
    assert not said[:, ~pixels.any(0)].any()


@given(arrays.arrays(np.uint8, (28, 28)), st.integers(0, 9))
@settings(max_examples=20)
def test_any_image_can_be_explained(
    classifier: Classifier, pixels: NDArray[np.uint8], digit: int
) -> None:
    said = saliency(classifier, pixels, digit)

    assert said.shape == (28, 28)
    assert said.dtype == np.float32
    assert np.isfinite(said).all()
    assert np.abs(said).max() <= 1


def test_blank_image_says_nothing(classifier: Classifier) -> None:
    assert not saliency(classifier, np.zeros((28, 28), np.uint8), 3).any()
