import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.vision.ink import Sheet
from service.vision.segments import marks

Line = tuple[int, int, int, int]


def sheet(*lines: Line, size: tuple[int, int] = (280, 280), pen: int = 12) -> Sheet:
    """Strokes from one point (x, y) to another, drawn with black ink."""
    image = Image.new("L", size)
    for line in lines:
        ImageDraw.Draw(image).line(line, 255, pen)
    return Sheet(np.asarray(image), is_even=True)


def photographed(ink: NDArray[np.uint8]) -> Sheet:
    return Sheet(ink, is_even=False)


STEM = (100, 40, 100, 240)


def test_empty_sheet_has_no_marks() -> None:
    assert marks(sheet()) == []


def test_mark_is_as_large_as_its_ink() -> None:
    (mark,) = marks(sheet(STEM))

    assert mark.box.top == pytest.approx(40, abs=1)
    assert mark.box.left == pytest.approx(94, abs=1)
    assert mark.box.height == pytest.approx(201, abs=1)
    assert mark.box.width == pytest.approx(12, abs=1)
    assert mark.ink.shape == (mark.box.height, mark.box.width)


def test_digits_come_in_reading_order() -> None:
    found = marks(
        sheet((250, 60, 250, 120), (50, 50, 50, 110), (60, 170, 60, 250), (150, 65, 150, 125))
    )

    assert [mark.box.left // 50 for mark in found] == [0, 2, 4, 1]


def test_touching_digits_are_one_mark() -> None:
    assert len(marks(sheet(STEM, (200, 40, 200, 240), (100, 140, 200, 140)))) == 1


@pytest.mark.parametrize(
    "hat",
    [(110, 20, 190, 20), (125, 60, 190, 50)],
    ids=["above", "beside"],
)
def test_hat_belongs_to_its_digit(hat: Line) -> None:
    (mark,) = marks(sheet((100, 60, 100, 150), (100, 150, 160, 150), (160, 150, 160, 250), hat))

    assert mark.box.right > 180


def test_broken_stroke_is_one_digit() -> None:
    (mark,) = marks(sheet((100, 40, 100, 132), (100, 144, 100, 240)))

    assert mark.box.height > 190


def test_digits_of_two_lines_stay_apart() -> None:
    assert len(marks(sheet((100, 20, 100, 110), (100, 160, 100, 250)))) == 2


def test_specks_are_no_digits() -> None:
    found = marks(sheet(STEM, (200, 200, 203, 200), (30, 60, 33, 60), pen=4))

    assert len(found) == 1


def test_what_reaches_into_a_box_from_elsewhere_is_left_out() -> None:
    corner = ((40, 40, 40, 240), (40, 240, 150, 240))
    alone, *_ = marks(sheet(*corner))

    beside, _ = marks(sheet(*corner, (130, 20, 130, 200), (130, 20, 250, 20)))

    assert beside.box == alone.box
    assert np.array_equal(beside.ink, alone.ink)


@pytest.mark.parametrize("shadow", [(0, 0, 279, 0), (10, 270, 60, 279), (0, 100, 20, 200)], ids=str)
def test_shadows_of_a_photograph_are_left_out(shadow: Line) -> None:
    ink = np.array(sheet(STEM).ink)
    ImageDraw.Draw(drawn := Image.fromarray(ink)).line(shadow, 140, 10)

    (mark,) = marks(photographed(np.asarray(drawn)))

    assert mark.box.left == pytest.approx(94, abs=1)


def test_ink_is_found_though_the_table_is_darker() -> None:
    image = Image.fromarray(np.asarray(sheet(STEM).ink) // 2)
    ImageDraw.Draw(image).rectangle((0, 0, 20, 279), 255)

    (mark,) = marks(photographed(np.asarray(image)))

    assert mark.box.left == pytest.approx(94, abs=1)
    assert mark.ink.max() == 255
