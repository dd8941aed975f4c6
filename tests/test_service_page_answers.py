"""What the page shows of an answer: the digit or why there is none, and why it is that one."""

import pytest
from flask import Response, json
from playwright.sync_api import Page, expect

from tests.page_actions import (
    TALL,
    WIDE,
    StandIn,
    choose,
    draw,
    expect_digit,
    on_both,
    png,
    refusal,
)

pytest_plugins = ["tests.page_visits"]


@on_both
def test_a_drawing_shows_digit_and_bars(page: Page) -> None:
    draw(page, TALL)

    expect_digit(page, "1")
    expect(page.locator("#verdict")).to_have_text("1 91.0% confidence")
    expect(page.locator("#second")).to_be_hidden()
    rows = page.get_by_role("table", name="Probability of each digit").locator("tbody tr")
    expect(rows.locator(".share")).to_have_text(["1.0%", "91.0%"] + ["1.0%"] * 8)
    expect(rows.nth(1)).to_have_class("is-winner")
    assert bar_share(page, 1) == pytest.approx(0.91, abs=0.02)


def bar_share(page: Page, digit: int) -> float:
    share: float = (
        page.locator(".bar")
        .nth(digit)
        .evaluate(
            """async (bar) => {
            await Promise.all(bar.getAnimations({subtree: true}).map((each) => each.finished));
            return parseFloat(getComputedStyle(bar, "::before").width) / bar.clientWidth;
        }"""
        )
    )
    return share


@on_both
def test_a_close_second_is_named_beside_the_first(page: Page) -> None:
    draw(page, TALL)
    draw(page, WIDE)

    expect(page.locator("#verdict")).to_have_text(
        "0 or 6? 52.0% confidence, and 40.0% for a 6", use_inner_text=False
    )
    expect(page.locator("#second")).to_be_visible()
    expect(page.locator(".is-winner th")).to_have_text("0")


@pytest.mark.parametrize(
    ("reason", "top", "digit", "headline", "remark"),
    [
        ("blank", [0.1, 0.1], "", "Nothing to read", "There is no ink in this picture."),
        (
            *("not_a_digit", [0.91, 0.01], "", "Not a digit"),
            "This does not look like a digit. It comes closest to an 8.",
        ),
        (
            *("low_confidence", [0.4, 0.3], "8or 3?", "Not sure"),
            "Perhaps an 8 (40.0%), perhaps a 3 (30.0%).",
        ),
        ("low_confidence", [0.4, 0.12], "8?", "Not sure", "It is most like an 8 (40.0%)."),
        (
            *("multiple_digits", [0.91, 0.01], "", "Several digits"),
            "They could not be read one by one.",
        ),
    ],
)
def test_each_reason_for_no_digit_has_its_own_words(
    page: Page,
    service: StandIn,
    reason: str,
    top: list[float],
    digit: str,
    headline: str,
    remark: str,
) -> None:
    service.twist = {
        "digit": None,
        "rejected": reason,
        "top": [{"digit": d, "probability": p} for d, p in zip([8, 3], top, strict=True)],
    }
    draw(page, TALL)

    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#remark")).to_have_text(remark)
    assert "".join(page.locator("#digit, #second").all_inner_texts()) == digit
    expect(page.locator("#probabilities .is-winner")).to_have_count(0)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def test_what_is_no_digit_is_compared_all_the_same(page: Page, service: StandIn) -> None:
    service.twist = {"digit": None, "rejected": "not_a_digit"}
    draw(page, TALL)

    expect(page.locator("#headline")).to_have_text("Not a digit")
    assert bar_share(page, 1) == pytest.approx(0.91, abs=0.02)


@on_both
def test_the_pixels_that_the_model_saw_are_shown(page: Page) -> None:
    seen = page.get_by_role("img", name="What the model sees")
    expect(seen).to_have_accessible_name("What the model sees: nothing yet")

    choose(page, "seven.png", "image/png", png(width=60, height=20))

    expect(seen).to_have_accessible_name(
        "What the model sees: your image in 28 by 28 pixels, white on black"
    )
    inks = "canvas => [5, 25].map(x => canvas.getContext('2d').getImageData(x, 5, 1, 1).data[0])"
    assert seen.evaluate(inks) == [255, 0]
    assert seen.evaluate("canvas => getComputedStyle(canvas).imageRendering") == "pixelated"


@on_both
def test_why_it_is_that_digit_is_shown_in_colours_and_in_words(page: Page) -> None:
    why = page.get_by_role("img", name="Why")
    expect(why).to_have_accessible_name("Why: nothing yet")

    choose(page, "seven.png", "image/png", png(width=60, height=20))

    expect(why).to_have_accessible_name("Why: what speaks for a 7, and what against it")
    words = "The top right speaks for a 7; the bottom left speaks against it."
    expect(why).to_have_accessible_description(words)
    expect(page.locator("#reasons")).to_have_text(words)
    expect(page.locator("#why-caption")).to_have_text("Why a 7")
    (red, _, blue), (cold_red, _, cold_blue), nothing = [
        why.evaluate(
            "(canvas, at) => [...canvas.getContext('2d').getImageData(...at, 1, 1).data]", [x, y]
        )[:3]
        for x, y in [(26, 1), (1, 26), (14, 26)]
    ]
    assert red > 2 * blue
    assert cold_blue > 2 * cold_red
    assert nothing == [0, 0, 0]


def test_what_speaks_only_for_the_digit_is_said_alone(page: Page, service: StandIn) -> None:
    top, middle = (range(4, 10), range(12, 17))
    service.twist = {
        "saliency": [
            [1.0 if y in (*top, *middle) and x in middle else 0.0 for x in range(28)]
            for y in range(28)
        ]
    }
    draw(page, TALL)

    expect(page.locator("#reasons")).to_have_text("The top and middle speak for a 1.")


def test_an_answer_without_saliency_is_shown_without(page: Page, service: StandIn) -> None:
    service.twist = {"saliency": None, "pixels": None}
    draw(page, TALL)

    expect_digit(page, "1")
    expect(page.locator("#reasons")).to_be_empty()


NUMBER = {
    "number": "1?4",
    "digits": [
        {
            "digit": digit,
            "confidence": confidence,
            "rejected": None if digit else "low_confidence",
            "box": {"left": left, "top": 20, "width": 30, "height": 50},
        }
        for digit, confidence, left in [(1, 0.99, 10), (None, 0.42, 90), (4, 0.875, 160)]
    ],
    "width": 200,
    "height": 100,
}


@on_both
def test_several_digits_are_read_as_a_number(page: Page, service: StandIn) -> None:
    service.twist = {"digit": None, "rejected": "multiple_digits"}
    service.number = Response(json.dumps(NUMBER), mimetype="application/json")
    choose(page, "number.png", "image/png", content := png(width=60, height=20))

    expect(page.locator("#verdict")).to_have_text(
        "1?4 3 digits read from left to right; 1 of them could not be told"
    )
    assert service.read_bodies == [content]
    table = page.get_by_role("table", name="The digits from left to right")
    expect(table.locator("tbody th")).to_have_text(["1", "?", "4"])
    expect(table.locator(".share")).to_have_text(["99.0%", "42.0%", "87.5%"])
    expect(page.locator("#probabilities")).to_be_hidden()
    expect(page.locator("#boxes .label")).to_have_text(["1 99%", "? 42%", "4 88%"])


@on_both
def test_boxes_lie_over_the_digits(page: Page, service: StandIn) -> None:
    service.twist = {"digit": None, "rejected": "multiple_digits"}
    service.number = Response(json.dumps(NUMBER), mimetype="application/json")
    choose(page, "number.png", "image/png", png(width=60, height=20))
    expect(page.locator(".box")).to_have_count(3)

    sheet = page.locator("#canvas").bounding_box()
    box = page.locator(".box").nth(2).bounding_box()
    assert sheet
    assert box
    # An image twice as wide as high lies in the middle of the sheet: half its height is free.
    side = sheet["width"]
    share = {
        "x": (box["x"] - sheet["x"]) / side,
        "y": (box["y"] - sheet["y"]) / side,
        "width": box["width"] / side,
        "height": box["height"] / side,
    }
    expected = {"x": 160 / 200, "y": 0.25 + 20 / 200, "width": 30 / 200, "height": 50 / 200}
    assert share == pytest.approx(expected, abs=0.005)


def test_boxes_go_with_what_they_are_about(page: Page, service: StandIn) -> None:
    service.twist = {"digit": None, "rejected": "multiple_digits"}
    service.number = Response(json.dumps(NUMBER), mimetype="application/json")
    choose(page, "number.png", "image/png", png(width=60, height=20))
    expect(page.locator(".box")).to_have_count(3)

    service.twist = {}
    draw(page, TALL)

    expect_digit(page, "1")
    expect(page.locator(".box")).to_have_count(0)
    expect(page.locator("#probabilities")).to_be_visible()
    expect(page.locator("#digits")).to_be_hidden()


def test_a_screen_reader_hears_the_answer_once_it_stands(page: Page) -> None:
    page.evaluate(
        """() => {
            window.heard = [];
            const said = document.getElementById("announcement");
            new MutationObserver(() => window.heard.push(said.textContent))
                .observe(said, {childList: true});
        }"""
    )
    draw(page, TALL)
    draw(page, WIDE)

    expect(page.locator("#announcement")).to_have_text(
        "0 or 6? 52.0% confidence, and 40.0% for a 6"
    )
    assert page.evaluate("window.heard.length") <= 2
    expect(page.locator("#announcement")).to_have_attribute("role", "status")


@on_both
def test_the_service_words_are_shown_as_they_are(page: Page, service: StandIn) -> None:
    service.refusal = refusal(422, "There is <b>no digit</b> in this picture.")

    draw(page, TALL)

    expect(page.locator("#headline")).to_have_text("No answer")
    expect(page.locator("#remark")).to_have_text("There is <b>no digit</b> in this picture.")
    expect(page.locator("#digit")).to_be_empty()


def test_a_failure_that_is_not_json_is_a_calm_sentence(page: Page, service: StandIn) -> None:
    service.refusal = Response("<h1>Bad gateway</h1>", status=502)

    draw(page, TALL)

    expect(page.locator("#remark")).to_have_text("The service could not answer (status 502).")
