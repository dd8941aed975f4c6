"""The sheet of the page, its tools, and what is asked about what is on it."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.page_actions import (
    TALL,
    WIDE,
    StandIn,
    choose,
    draw,
    expect_digit,
    expect_nothing_read,
    hand_over,
    ink_area,
    ink_box,
    ink_of,
    next_body,
    on_both,
    on_phone,
    png,
    refusal,
    sheet_pixel,
)

pytest_plugins = ["tests.page_visits"]


def test_the_answer_comes_while_the_pen_is_down(page: Page) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 250, steps=5)

    expect_digit(page, "1")


def test_the_service_gets_dark_ink_on_white(page: Page, service: StandIn) -> None:
    page.emulate_media(color_scheme="dark")
    draw(page, TALL)

    body = next_body(service, lambda body: ink_of(body).getpixel((140, 140)) == 255)
    image = Image.open(io.BytesIO(body))
    assert (service.types[-1], image.size) == ("image/png", (280, 280))
    assert image.convert("L").getpixel((0, 0)) == 255


def test_nothing_is_asked_about_an_empty_sheet(page: Page, service: StandIn) -> None:
    expect_nothing_read(page)
    page.get_by_role("button", name="Clear").click(force=True)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    draw(page, WIDE)
    expect_digit(page, "7")

    assert all(ink_area(body) for body in service.bodies)


def test_a_wider_pen_leaves_more_ink(page: Page, service: StandIn) -> None:
    pen = page.get_by_role("slider", name="Pen width")
    pen.press("Home")
    draw(page, WIDE)
    # The stroke ends at 0.8 of 280, and its round end half a pen further.
    thin = next_body(service, lambda body: ink_box(body)[2] >= 224 + 3)
    page.keyboard.press("Escape")
    pen.press("End")
    draw(page, WIDE)
    thick = next_body(service, lambda body: ink_box(body)[2] >= 224 + 17)

    assert ink_area(thick) > 3 * ink_area(thin)


@on_both
def test_undo_takes_strokes_back_and_even_clearing(page: Page) -> None:
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    draw(page, TALL)
    draw(page, WIDE)
    expect_digit(page, "0")

    undo.click()
    expect_digit(page, "1")
    page.get_by_role("button", name="Clear").click()
    expect_nothing_read(page)
    page.keyboard.press("Control+z")
    expect_digit(page, "1")
    page.keyboard.press("Control+z")
    expect_nothing_read(page)
    expect(undo).to_be_disabled()


@on_both
def test_redo_puts_back_what_undo_took_until_something_new_is_drawn(page: Page) -> None:
    redo = page.get_by_role("button", name="Redo")
    expect(redo).to_be_disabled()
    draw(page, TALL)
    draw(page, WIDE)
    expect_digit(page, "0")
    for keys in ("Control+z", "Control+z", "Control+y", "Control+Shift+Z"):
        page.keyboard.press(keys)
    expect_digit(page, "0")
    expect(redo).to_be_disabled()

    page.get_by_role("button", name="Undo").click()
    expect_digit(page, "1")
    redo.click()
    expect_digit(page, "0")
    page.keyboard.press("Control+z")
    draw(page, [(0.3, 0.3), (0.3, 0.4)])
    expect(redo).to_be_disabled()


@pytest.mark.parametrize("by", ["button", "Escape"])
def test_clearing_empties_sheet_and_reading(page: Page, by: str) -> None:
    draw(page, TALL)
    expect_digit(page, "1")
    assert sheet_pixel(page, 0.5, 0.5)[3] == 255

    if by == "button":
        page.get_by_role("button", name="Clear").click()
    else:
        page.keyboard.press("Escape")

    expect_nothing_read(page)
    expect(page.locator(".share")).to_have_text(["\N{EN DASH}"] * 10)
    assert sheet_pixel(page, 0.5, 0.5)[3] == 0


@on_both
def test_a_chosen_file_is_sent_as_it_is(page: Page, service: StandIn) -> None:
    content = png(width=60, height=20)

    choose(page, "seven.png", "image/png", content)

    expect_digit(page, "7")
    assert (service.bodies, service.types) == ([content], ["image/png"])
    assert sheet_pixel(page, 0.2, 0.2) == [0, 0, 0, 255]
    assert sheet_pixel(page, 0.9, 0.9) == [255, 255, 255, 255]


def test_a_file_can_be_chosen_by_keyboard(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_label("Choose an image").press("Enter")
    chooser.value.set_files(
        {"name": "one.png", "mimeType": "image/png", "buffer": png(width=10, height=60)}
    )

    expect_digit(page, "1")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_an_image_can_be_handed_over(page: Page, service: StandIn, kind: str) -> None:
    content = png(width=60, height=20)

    hand_over(page, kind, content)

    expect_digit(page, "7")
    assert service.bodies == [content]


def test_drawing_after_an_image_starts_afresh(page: Page) -> None:
    choose(page, "seven.png", "image/png", png(width=60, height=20))
    expect_digit(page, "7")

    draw(page, TALL)
    expect_digit(page, "1")
    page.keyboard.press("Control+z")

    expect_digit(page, "7")


def test_a_file_that_is_no_image_is_explained(page: Page) -> None:
    choose(page, "letter.txt", "text/plain", b"Dear model,")

    expect(page.locator("#remark")).to_have_text("This is not an image that the service can read.")
    expect(page.get_by_text("No preview of letter.txt")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


@on_both
def test_the_keyboard_draws(page: Page, service: StandIn) -> None:
    page.get_by_label("Sheet to draw a digit on").focus()
    press(page, "ArrowUp", times=6)
    expect(page.locator("#cursor")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator("#pen-state")).to_have_text("Pen down")
    press(page, "ArrowDown", times=12)
    page.keyboard.press("Space")
    expect(page.locator("#pen-state")).to_have_text("Pen up")
    press(page, "ArrowRight", times=12)

    expect_digit(page, "1")
    # From 80 to 200 through the middle, 140, with a pen that is 20 wide.
    assert next_body(service, lambda body: ink_box(body) == (130, 70, 150, 210))


def press(page: Page, key: str, *, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def test_two_arrows_held_move_diagonally(page: Page) -> None:
    canvas = page.get_by_label("Sheet to draw a digit on")
    canvas.focus()
    page.keyboard.down("ArrowRight")
    page.keyboard.down("ArrowDown")
    page.keyboard.up("ArrowRight")
    page.keyboard.up("ArrowDown")

    # From the middle, 140: one step right, then one step right and down.
    style = page.locator("#cursor").evaluate("cursor => [cursor.style.left, cursor.style.top]")
    assert [float(part.rstrip("%")) * 2.8 for part in style] == pytest.approx([160, 150], abs=0.01)


def test_clearing_lifts_the_keyboard_pen(page: Page) -> None:
    page.get_by_label("Sheet to draw a digit on").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")

    expect(page.locator("#pen-state")).to_have_text("Pen up")
    expect_nothing_read(page)


@on_phone
def test_a_finger_draws_without_scrolling(page: Page) -> None:
    touch = page.context.new_cdp_session(page)
    for kind, y in [("touchStart", 100), ("touchMove", 200), ("touchMove", 300)]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": 180, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    expect_digit(page, "1")
    assert page.evaluate("window.scrollY") == 0


def test_one_request_flies_at_a_time(page: Page, service: StandIn) -> None:
    service.may_answer.clear()
    draw(page, TALL)
    assert next_body(service, lambda body: True)
    draw(page, WIDE)
    service.may_answer.set()

    assert next_body(service, lambda body: ink_box(body)[2] > 224)
    expect_digit(page, "0")
    assert service.busiest == 1


def test_an_answer_to_a_cleared_sheet_is_dropped(page: Page, service: StandIn) -> None:
    page.evaluate(
        """() => {
            window.shown = [];
            const digit = document.getElementById("digit");
            const note = () => window.shown.push(digit.textContent);
            new MutationObserver(note).observe(digit, {childList: true});
        }"""
    )
    service.may_answer.clear()
    choose(page, "one.png", "image/png", png(width=10, height=60))
    assert next_body(service, lambda body: True)
    page.keyboard.press("Escape")
    choose(page, "seven.png", "image/png", png(width=60, height=20))
    service.may_answer.set()

    expect_digit(page, "7")
    assert page.evaluate("window.shown") == ["7"]


def test_the_page_asks_again_when_the_service_said_it_should(page: Page, service: StandIn) -> None:
    service.refusal = refusal(429, "Too many requests: wait 1 s.", retry_after_s=1)
    draw(page, TALL)
    expect(page.locator("#remark")).to_have_text("Too many requests: wait 1 s.")
    asked = len(service.bodies)

    service.refusal = None

    expect_digit(page, "1")
    assert len(service.bodies) == asked + 1


@on_both
def test_an_unreachable_service_can_be_tried_again(page: Page) -> None:
    page.context.set_offline(True)
    page.locator("#canvas").click()
    expect(page.locator("#remark")).to_have_text("The service cannot be reached just now.")

    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()

    expect_digit(page, "0")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def test_the_page_works_below_a_prefix(page: Page, service: StandIn) -> None:
    paths: list[str] = []

    def note(route: Route) -> None:
        paths.append(route.request.url.removeprefix(service.url))
        route.continue_()

    page.route("**/*", note)
    page.goto(f"{service.url}below/")
    draw(page, TALL)
    expect_digit(page, "1")

    assert [path for path in paths if not path.startswith(("below/", "data:"))] == []


def test_a_breach_of_the_policy_would_be_noticed(browser: Browser, service: StandIn) -> None:
    context = browser.new_context()
    page = context.new_page()
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.goto(service.url)
        page.evaluate(
            "() => document.head.append(Object.assign(document.createElement('style'),"
            " {textContent: 'body { color: red }'}))"
        )
    context.close()
