import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.vision.ink import sheets

ROWS, COLUMNS = np.mgrid[:240, :320]
IS_INK = (np.hypot(ROWS - 120, COLUMNS - 160) < 70) & (np.hypot(ROWS - 120, COLUMNS - 160) > 55)
GRADIENT = 1 - 0.5 * (ROWS / 240 + COLUMNS / 320) / 2
SHADOW = np.where(COLUMNS + ROWS / 3 > 190, 0.55, 1)


def photograph(
    light: NDArray[np.float64], *, paper: float = 200, ink: float = 40
) -> NDArray[np.uint8]:
    """A ring on paper, and some noise."""
    noise = np.random.default_rng(0).normal(0, 3, IS_INK.shape)
    lit = np.where(IS_INK, ink, paper) * light + noise
    photographed: NDArray[np.uint8] = lit.clip(0, 255).astype(np.uint8)
    return photographed


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_sheet_has_no_ink(grey: int) -> None:
    assert sheets(np.full((100, 100), grey, np.uint8)) == []


def test_faint_noise_is_no_ink() -> None:
    noise = np.random.default_rng(0).integers(240, 256, (100, 100), np.uint8)

    assert sheets(noise) == []


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (90, 200), (200, 60)])
def test_paper_is_what_the_border_is(ink: int, paper: int) -> None:
    (sheet,) = sheets(np.where(IS_INK, ink, paper).astype(np.uint8))

    assert sheet.is_even
    assert (sheet.ink[IS_INK] == abs(ink - paper)).all()
    assert not sheet.ink[~IS_INK].any()


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_drawing_cropped_to_its_ink_has_even_paper(ink: int, paper: int) -> None:
    (sheet,) = sheets(np.where(IS_INK, ink, paper).astype(np.uint8)[50:-50, 90:-90])

    assert sheet.is_even
    assert (sheet.ink > 0).mean() == pytest.approx(IS_INK[50:-50, 90:-90].mean())


@pytest.mark.parametrize(
    "light", [GRADIENT, SHADOW, GRADIENT * SHADOW], ids=["gradient", "shadow", "both"]
)
def test_uneven_light_is_made_even(light: NDArray[np.float64]) -> None:
    (sheet,) = sheets(photograph(light))

    assert not sheet.is_even
    # Where the ink takes four fifths of the light.
    assert np.percentile(sheet.ink[IS_INK], 5) > 0.7 * 255
    assert np.percentile(sheet.ink[~IS_INK], 95) < 0.2 * 255


def test_chalk_is_told_from_ink_though_light_is_uneven() -> None:
    (sheet,) = sheets(255 - photograph(GRADIENT))

    assert sheet.ink[IS_INK].mean() > 3 * sheet.ink[~IS_INK].mean()


def test_both_readings_are_given_where_it_is_not_plain_which_is_ink() -> None:
    both = [photograph(GRADIENT, paper=60, ink=ink) for ink in (20, 180)]

    one, other = sheets(np.hstack(both))

    halves = [(sheet.ink[:, :320][IS_INK], sheet.ink[:, 320:][IS_INK]) for sheet in (one, other)]
    assert sorted(left.mean() > right.mean() for left, right in halves) == [False, True]


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_any_image_has_sheets_of_its_own_size(grey: NDArray[np.uint8]) -> None:
    for sheet in sheets(grey):
        assert sheet.ink.shape == grey.shape
        assert sheet.ink.dtype == np.uint8


@given(st.integers(1, 300), st.integers(1, 300))
def test_images_of_any_shape_are_read(height: int, width: int) -> None:
    slope = np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)

    assert all(sheet.ink.shape == (height, width) for sheet in sheets(slope))
