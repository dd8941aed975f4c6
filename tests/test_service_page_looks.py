"""How the page looks and sounds: on any screen, in either scheme, by eye, ear and keyboard."""

from typing import Literal

import pytest
from flask import Response, json
from playwright.sync_api import Page, expect

from tests.page_actions import (
    TALL,
    WIDE,
    StandIn,
    draw,
    expect_digit,
    on_both,
    refusal,
    sheet_pixel,
)

pytest_plugins = ["tests.page_visits"]


@pytest.mark.parametrize("width", [320, 360, 640, 768, 900, 1280])
def test_nothing_scrolls_sideways(page: Page, service: StandIn, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    service.refusal = refusal(503, "The model is still on its way; this takes some seconds. " * 3)
    draw(page, TALL)
    expect(page.locator("#headline")).to_have_text("No answer")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    canvas = page.locator("#canvas").bounding_box()
    assert canvas is not None
    assert canvas["width"] == pytest.approx(canvas["height"])
    assert canvas["width"] >= 280


@pytest.mark.parametrize("width", [320, 900, 1280])
def test_no_words_are_squeezed(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    draw(page, TALL)
    draw(page, WIDE)
    expect_digit(page, "0")

    for words in ("#remark", "#reasons"):
        box = page.locator(words).bounding_box()
        assert box
        assert box["width"] > 1.5 * box["height"], words


@on_both
def test_the_first_screen_holds_sheet_and_answer(page: Page) -> None:
    draw(page, TALL)

    expect_digit(page, "1")
    expect(page.locator("#digit")).to_be_in_viewport(ratio=1)
    assert page.evaluate("window.scrollY") == 0


@on_both
def test_strokes_are_as_sharp_as_the_screen(page: Page) -> None:
    draw(page, TALL)
    expect_digit(page, "1")

    sharpness = page.locator("#canvas").evaluate("canvas => canvas.width / canvas.clientWidth")
    assert sharpness == pytest.approx(page.evaluate("devicePixelRatio"), abs=0.01)


@on_both
def test_everything_has_a_name(page: Page) -> None:
    draw(page, TALL)
    expect_digit(page, "1")

    expect(page.locator("main")).to_match_aria_snapshot("""
        - region "Your digit":
          - application "Sheet to draw a digit on"
          - button "Undo"
          - button "Redo"
          - button "Clear"
          - slider "Pen width"
          - button "Choose an image"
          - button "Take a photo"
        - region "What the model reads":
          - status: 1 91.0% confidence
          - paragraph: "1"
          - paragraph: 91.0%
          - paragraph: confidence
          - table "Probability of each digit":
            - rowgroup:
              - row "0 1.0%"
              - row "1 91.0%"
          - figure "Seen as":
            - img /What the model sees/
          - figure "Why a 1":
            - img /Why/
          - paragraph:
            - button "Model card"
    """)


@on_both
def test_the_keys_are_explained_in_sight(page: Page) -> None:
    keys = page.locator("#keys")

    expect(keys).to_be_visible()
    expect(page.locator("#canvas")).to_have_attribute("aria-describedby", "keys")
    for key in ("Space", "Arrows", "Shift", "Ctrl", "Esc"):
        expect(keys.get_by_text(key, exact=True).first).to_be_visible()


@on_both
def test_tab_visits_every_control_in_sight(page: Page) -> None:
    desk = page.locator(".desk")
    looks = {desk.screenshot()}
    visited = []
    for _ in range(7):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.id"))
        looks.add(desk.screenshot())

    assert visited == ["canvas", "undo", "redo", "clear", "pen-width", "file", "photo"]
    assert len(looks) == 8


# Every text in sight, with its contrast to the nearest background behind it (WCAG 2.2).
CONTRASTS = """
() => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const linear = (s) => (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) =>
        0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const behind = (element) => {
        for (; element; element = element.parentElement) {
            const colour = channels(getComputedStyle(element).backgroundColor);
            if ((colour[3] ?? 1) > 0) return colour;
        }
    };
    const shown = document.querySelector("dialog[open]") ?? document.body;
    return [...shown.querySelectorAll("*")]
        .filter((element) =>
            [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
            && element.checkVisibility({opacityProperty: true, visibilityProperty: true})
            && !element.closest(".unseen, noscript"))
        .map((element) => {
            const {color, fontSize} = getComputedStyle(element);
            const [dark, light] = [luminance(channels(color)), luminance(behind(element))]
                .sort((a, b) => a - b);
            const name = element.id || element.className || element.tagName;
            return [name, parseFloat(fontSize), (light + 0.05) / (dark + 0.05)];
        });
}
"""


def assert_texts_are_easy_to_read(page: Page, *, at_least: int) -> None:
    texts: list[tuple[str, float, float]] = page.evaluate(CONTRASTS)

    assert len(texts) >= at_least
    faint = [text for text in texts if text[2] < (3 if text[1] >= 24 else 4.5)]
    assert faint == []


@on_both
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_easy_to_read(
    page: Page, service: StandIn, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert_texts_are_easy_to_read(page, at_least=20)
    draw(page, TALL)
    draw(page, WIDE)
    expect_digit(page, "0")
    assert_texts_are_easy_to_read(page, at_least=40)

    service.twist = {"digit": None, "rejected": "multiple_digits"}
    service.number = Response(json.dumps(NUMBER), mimetype="application/json")
    draw(page, WIDE)
    expect_digit(page, "4?")
    assert_texts_are_easy_to_read(page, at_least=20)
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator("#camera-note")).to_contain_text("may not use the camera")
    assert_texts_are_easy_to_read(page, at_least=4)


NUMBER = {
    "digits": [
        {"digit": digit, "confidence": 0.5, "box": {"left": 9, "top": 9, "width": 9, "height": 9}}
        for digit in (4, None)
    ],
    "width": 99,
    "height": 99,
}


def test_the_ink_follows_the_colour_scheme(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    draw(page, TALL)
    expect_digit(page, "1")
    assert max(sheet_pixel(page, 0.5, 0.5)[:3]) < 60

    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "() => document.getElementById('canvas').getContext('2d')"
        ".getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0] > 200"
    )


def test_motion_is_left_out_on_request(page: Page) -> None:
    duration = "bar => getComputedStyle(bar, '::before').transitionDuration"
    bar = page.locator(".bar").first
    assert bar.evaluate(duration) == "0.16s"

    page.emulate_media(reduced_motion="reduce")

    assert bar.evaluate(duration) == "0s"


@on_both
def test_marks_are_there_in_the_colours_of_the_user(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    draw(page, TALL)
    expect_digit(page, "1")

    colours = [
        page.locator(".bar")
        .nth(digit)
        .evaluate(
            "bar => [getComputedStyle(bar, '::before'), getComputedStyle(bar)]"
            ".map(style => style.backgroundColor)"
        )
        for digit in (0, 1)
    ]
    (others, paper), (winner, _) = colours
    assert len({others, paper, winner}) == 3


@pytest.mark.parametrize("opener", ["Take a photo", "Model card"])
@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_dialog_fits_the_smallest_phone(page: Page, opener: str) -> None:
    page.set_viewport_size({"width": 320, "height": 480})
    page.get_by_role("button", name=opener).click()

    box = page.get_by_role("dialog").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert box["y"] + box["height"] <= 480
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("opener", ["Take a photo", "Model card"])
def test_a_dialog_keeps_the_keys_and_gives_the_focus_back(page: Page, opener: str) -> None:
    draw(page, TALL)
    expect_digit(page, "1")
    button = page.get_by_role("button", name=opener)
    button.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "['BODY', 'DIALOG'].includes(document.activeElement.tagName)"
            " || document.activeElement.closest('dialog') !== null"
        )
    page.keyboard.press("Control+z")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    expect_digit(page, "1")
