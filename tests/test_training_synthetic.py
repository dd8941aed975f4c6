from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.vision.normalize import is_mnist_like, normalize
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.synthetic.framing import centred, fitted
from training.synthetic.letter_glyphs import CLEAR_LETTERS
from training.synthetic.non_digits import HELD_OUT_KINDS, KINDS, TRAINED_KINDS, non_digits
from training.synthetic.printed_digits import printed_digits
from training.synthetic.strokes import Pens, drawings
from training.train import train

FRAMED_KINDS = ("scribbles", "letters", "numbers", "figures", "symbols", "typed_letters", "words")

PEN = Pens(
    radius=np.array([2.0]),
    softness=np.array([0.01]),
    contrast=np.array([0.0]),
    is_square=np.array([True]),
)


def line(*points: tuple[float, float]) -> NDArray[np.float32]:
    return np.array([points], np.float32)


def test_printed_digits_are_equally_frequent() -> None:
    digits = printed_digits(200, seed=0)

    assert digits.images.shape == (200, 28, 28)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert np.bincount(digits.labels).tolist() == [20] * 10


def test_same_seed_draws_the_same_digits() -> None:
    once = printed_digits(100, seed=0)

    assert once.digest == printed_digits(100, seed=0).digest
    assert once.digest != printed_digits(100, seed=1).digest


def test_no_two_printed_digits_are_the_same() -> None:
    images = printed_digits(1000, seed=0).images

    assert len(np.unique(images, axis=0)) == 1000


def test_network_that_saw_only_printed_digits_reads_most_handwriting(sample: Mnist) -> None:
    recipe = Recipe(
        recipe="default",
        epochs=10,
        batch_size=50,
        printed_digits=0,
        non_digits=0,
        validation_size=0,
    )
    network = build(recipe)
    list(train(network, printed_digits(3000, seed=0), recipe))

    read = network.logits(torch.tensor(sample.test.images)).argmax(1).numpy()

    assert (read == sample.test.labels).mean() > 0.5


def test_service_takes_printed_digits_as_they_are() -> None:
    images = printed_digits(500, seed=0).images

    assert np.mean([is_mnist_like(image) for image in images]) > 0.99


@pytest.mark.parametrize("kind", FRAMED_KINDS)
def test_service_takes_what_is_fitted_as_it_is(kind: str, sample: Mnist) -> None:
    images = non_digits([kind], 200, seed=0, digits=sample.train)

    assert np.mean([is_mnist_like(image) for image in images]) > 0.95


@given(st.integers(0, 2**32), st.integers(2, 7), st.integers(2, 7), st.integers(3, 15))
@settings(max_examples=50)
def test_ink_is_fitted_and_centred_as_the_service_does_it(
    seed: int, height: int, width: int, stroke: int
) -> None:
    random = np.random.default_rng(seed)
    blots = (random.random((height, width)) < 0.4) * random.integers(128, 256, (height, width))
    blots[0, 0] = blots[-1, -1] = 255
    # The service makes strokes wider that are thinner than these.
    ink = np.kron(blots, np.ones((stroke, stroke))).astype(np.uint8)

    box = fitted(ink.astype(np.float32))
    # The service counts in whole numbers, so they may part where the middle is between two pixels.
    middles = (box.sum(axis) @ np.arange(20) / box.sum() for axis in (0, 1))
    assume(all(abs(middle % 1 - 0.5) > 0.01 for middle in middles))

    ours = centred(box[None])[0]

    assert np.abs(ours.astype(int) - normalize(ink)).max() <= 1


def test_line_is_as_wide_as_its_pen_and_as_long_as_the_box() -> None:
    (image,) = drawings([line((0, 0), (1, 0))], PEN)

    expected = np.zeros((28, 28), np.uint8)
    expected[12:16, 4:24] = 255
    assert np.array_equal(image, expected)


def test_round_pen_cuts_the_corners_of_a_line() -> None:
    (square,) = drawings([line((0, 0), (1, 0))], PEN)
    (rounded,) = drawings([line((0, 0), (1, 0))], replace(PEN, is_square=np.array([False])))

    assert square[12, 4] == 255
    assert rounded[12, 4] == 0
    assert np.array_equal(square[:, 6:22], rounded[:, 6:22])


def test_contrast_thins_horizontal_lines_only() -> None:
    (plain,) = drawings([line((0, 0), (0, 1), (1, 1))], PEN)
    (contrasted,) = drawings([line((0, 0), (0, 1), (1, 1))], replace(PEN, contrast=np.array([0.5])))

    def widths(image: NDArray[np.uint8]) -> tuple[int, int]:
        rows, columns = (image > 0).sum(1), (image > 0).sum(0)
        return int(np.median(rows[rows > 0])), int(np.median(columns[columns > 0]))

    assert widths(plain) == (4, 4)
    assert widths(contrasted) == (4, 2)


def test_point_becomes_a_disc_as_wide_as_its_pen() -> None:
    (image,) = drawings([line((0.3, 0.3), (0.3, 0.3))], replace(PEN, radius=np.array([5.0])))

    assert (image > 0).sum() == pytest.approx(np.pi * 25, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_draws_the_same_non_digits(kind: str, sample: Mnist) -> None:
    once = non_digits([kind], 30, seed=0, digits=sample.train)

    assert once.shape == (30, 28, 28)
    assert once.dtype == np.uint8
    assert np.array_equal(once, non_digits([kind], 30, seed=0, digits=sample.train))
    assert not np.array_equal(once, non_digits([kind], 30, seed=1, digits=sample.train))


def test_a_kind_does_not_depend_on_the_others(sample: Mnist) -> None:
    alone = non_digits(["letters"], 10, seed=0, digits=sample.train)
    last = non_digits(["noise", "numbers", "letters"], 30, seed=0, digits=sample.train)[20:]

    assert np.array_equal(alone, last)


@pytest.mark.parametrize("count", [0, 1, 5, 13])
def test_few_images_are_as_many_as_asked_for(count: int, sample: Mnist) -> None:
    images = non_digits(tuple(KINDS), count, seed=0, digits=sample.train)

    assert len(images) == count
    assert len(printed_digits(count, seed=0)) == count


def test_kinds_are_for_training_or_for_evaluation() -> None:
    assert {*TRAINED_KINDS, *HELD_OUT_KINDS} == set(KINDS)
    assert not {*TRAINED_KINDS} & {*HELD_OUT_KINDS}
    assert TRAINED_KINDS
    assert HELD_OUT_KINDS


def test_letters_that_are_digits_to_some_are_left_out() -> None:
    assert not set("OoQDIiJjlTZzSsGbBgqyY") & set(CLEAR_LETTERS)


def test_digits_are_not_changed_by_what_is_made_of_them(sample: Mnist) -> None:
    before = sample.train.digest

    non_digits(["fragments", "numbers"], 50, seed=0, digits=sample.train)

    assert sample.train.digest == before
