import numpy as np
import pytest

from benchmarks.real_digits import kinds
from benchmarks.real_digits.ink import skeleton
from benchmarks.real_digits.kinds import Make, Source
from service.vision import prepare
from tests.drawings import drawing
from training.mnist import Mnist

KINDS = {
    f"{group}: {kind}": make
    for group, makes in {
        "canvas": kinds.CANVASES,
        "photo": kinds.PHOTOS,
        "printed": kinds.PRINTED if kinds.font_files() else {},
        "other": kinds.OTHERS,
        "none": kinds.NOT_DIGITS,
        "blank": kinds.BLANKS,
        "number": kinds.LINES,
    }.items()
    for kind, make in makes.items()
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_each_kind_is_an_image_and_the_same_for_the_same_seed(make: Make, sample: Mnist) -> None:
    first, second = (make(Source(sample.test, np.random.default_rng(1))) for _ in range(2))

    assert first == second
    assert first.answer == "" or first.answer.isdigit()
    prepare(first.content, max_pixels=25_000_000)


def test_middle_line_runs_within_the_stroke(sample: Mnist) -> None:
    digit = sample.test.images[0]

    rows, columns = skeleton(digit)

    inked = np.asarray(drawing(digit, ink=255, paper=0)) > 100
    assert inked[(rows * 10).astype(int), (columns * 10).astype(int)].mean() > 0.95
    assert len(rows) < 0.05 * inked.sum()
