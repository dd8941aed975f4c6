"""What a person sees on the service's page: a real Chromium, a stand-in for the service."""

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request, send_from_directory
from PIL import Image, ImageOps, UnidentifiedImageError
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from service.protocols.page import HOME_HEADERS

PAGE = Path(__file__).parents[1] / "service" / "page"
DIGEST = "4f1a9c2e" * 8
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 360, "height": 640},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}

# A test that says nothing else looks at a desktop.
on_both = pytest.mark.parametrize("page", SCREENS, indirect=True)
on_phone = pytest.mark.parametrize("page", ["phone"], indirect=True)

# Corners of the sheet run from 0 to 1. What the stand-in reads is in StandIn.read.
TALL = [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)]
WIDE = [(0.2, 0.5), (0.5, 0.5), (0.8, 0.5)]


class StandIn:
    """Reads tall ink as 1, wide ink as 7, and square ink as 0 or perhaps 6; keeps what it got."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.types: list[str] = []
        self.refusal: Response | None = None
        self.not_a_digit: float | None = None
        self.arrivals = threading.Semaphore(0)
        self.taken = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()
        self.url = ""

    def predict(self) -> Response:
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        self.bodies.append(request.get_data())
        self.types.append(request.mimetype)
        self.arrivals.release()
        self.may_answer.wait(timeout=30)
        with self._lock:
            self._busy -= 1
        return self.refusal or self.read(self.bodies[-1])

    def read(self, body: bytes) -> Response:
        try:
            ink = ink_of(body)
        except UnidentifiedImageError:
            return refusal(415, "This is not an image that the service can read.")
        left, top, right, bottom = ink_box(body)
        width, height = right - left, bottom - top
        digit = 1 if height > 1.5 * width else 7 if width > 1.5 * height else 0
        probabilities = [0.01] * 10
        probabilities[digit] = 0.91
        if digit == 0:
            probabilities[0], probabilities[6] = 0.52, 0.40
        small = ink.resize((28, 28))
        said = {} if self.not_a_digit is None else {"not_a_digit": self.not_a_digit}
        return jsonify(
            **said,
            digit=digit,
            confidence=probabilities[digit],
            probabilities=probabilities,
            model={"name": "digits", "version": 3, "digest": DIGEST},
            pixels=[[small.getpixel((x, y)) for x in range(28)] for y in range(28)],
        )

    def app(self) -> Flask:
        app = Flask("stand-in")
        app.get("/", endpoint="home")(lambda: send_from_directory(PAGE, "index.html"))
        app.get("/page/<name>", endpoint="page")(lambda name: send_from_directory(PAGE, name))
        app.post("/predict", endpoint="predict")(self.predict)

        @app.after_request
        def with_policy(response: Response) -> Response:
            response.headers.update(HOME_HEADERS)
            return response

        return app


def refusal(status: int, error: str) -> Response:
    with Flask("refusal").app_context():
        response = jsonify(error=error, status=status)
    response.status_code = status
    return response


def ink_of(body: bytes) -> Image.Image:
    """White ink on black, from a picture of dark ink on white."""
    return ImageOps.invert(Image.open(io.BytesIO(body)).convert("L"))


def ink_area(body: bytes) -> int:
    return sum(ink_of(body).histogram()[128:])


def ink_box(body: bytes) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is more ink than paper."""
    return ink_of(body).point(lambda ink: 255 * (ink > 127)).getbbox() or (0, 0, 0, 0)


def next_body(service: StandIn, fits: Callable[[bytes], bool]) -> bytes:
    """The first picture sent that fits: a drawing is sent again and again while it grows."""
    while service.arrivals.acquire(timeout=15):
        body = service.bodies[service.taken]
        service.taken += 1
        if fits(body):
            return body
    raise AssertionError("The page sent no picture that fits.")


def png(width: int, height: int) -> bytes:
    """A black block of the given size on a white square of 100."""
    image = Image.new("L", (100, 100), 255)
    image.paste(0, (10, 10, 10 + width, 10 + height))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def service() -> Iterator[StandIn]:
    stand_in = StandIn()
    app = stand_in.app()
    below_too = DispatcherMiddleware(app, {"/below": app})
    server = make_server("127.0.0.1", 0, below_too, threaded=True)
    stand_in.url = f"http://127.0.0.1:{server.port}/"
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield stand_in
    stand_in.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, service: StandIn) -> Iterator[Page]:
    """A fresh visit; whatever the test does, nothing is to go wrong or elsewhere behind it."""
    context = browser.new_context(**SCREENS[getattr(request, "param", "desktop")])
    page = context.new_page()
    complaints: list[str] = []
    addresses: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.extend(complaints_in(message)))
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(service.url)
    yield page
    context.close()

    assert complaints == []
    assert [url for url in addresses if not url.startswith((service.url, "data:", "blob:"))] == []


def complaints_in(message: ConsoleMessage) -> list[str]:
    """Errors, but not the browser's own note of each refused prediction."""
    is_error = message.type == "error" and "/predict" not in message.location["url"]
    return [message.text] if is_error else []


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def choose(page: Page, name: str, mime_type: str, content: bytes) -> None:
    page.get_by_label("Choose an image").set_input_files(
        {"name": name, "mimeType": mime_type, "buffer": content}
    )


def hand_over(page: Page, kind: str, content: bytes) -> None:
    """Drop or paste a PNG, as the browser would do."""
    page.evaluate(
        """([kind, content]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(content)], "seven.png", {type: "image/png"}));
            const event = kind === "drop"
                ? new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true})
                : new ClipboardEvent(kind, {clipboardData: data, bubbles: true});
            document.getElementById("canvas").dispatchEvent(event);
        }""",
        [kind, list(content)],
    )


def expect_digit(page: Page, digit: str) -> None:
    expect(page.locator("#digit")).to_have_text(digit)


def expect_nothing_read(page: Page) -> None:
    expect(page.locator("#verdict")).to_contain_text("Nothing yet")
    expect(page.locator("#digit")).to_be_empty()


def sheet_pixel(page: Page, x: float, y: float) -> list[int]:
    """Red, green, blue and opacity of what is painted on the sheet."""
    pixel: list[int] = page.evaluate(
        """([x, y]) => new Promise((done) => requestAnimationFrame(() => {
            const canvas = document.getElementById("canvas");
            const at = [x * canvas.width, y * canvas.height];
            done([...canvas.getContext("2d").getImageData(...at, 1, 1).data]);
        }))""",
        [x, y],
    )
    return pixel


@on_both
def test_a_drawing_shows_digit_and_bars(page: Page) -> None:
    draw(page, TALL)

    expect_digit(page, "1")
    expect(page.locator("#verdict")).to_have_text("1 91.0% confidence")
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


def test_the_answer_comes_while_the_pen_is_down(page: Page) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 250, steps=5)

    expect_digit(page, "1")


def test_a_doubtful_answer_names_the_runner_up(page: Page) -> None:
    draw(page, TALL)
    draw(page, WIDE)

    expect_digit(page, "0")
    expect(page.locator("#remark")).to_have_text("confidence; it could also be a 6")


@on_both
def test_what_is_no_digit_is_called_so_and_compared_all_the_same(
    page: Page, service: StandIn
) -> None:
    service.not_a_digit = 0.51
    draw(page, TALL)

    expect(page.locator("#headline")).to_have_text("Not a digit")
    expect(page.locator("#remark")).to_have_text(
        "This does not look like a digit. It comes closest to a 1."
    )
    expect(page.locator("#digit")).to_be_hidden()
    expect(page.locator(".is-winner")).to_have_count(0)
    assert bar_share(page, 1) == pytest.approx(0.91, abs=0.02)

    service.not_a_digit = 0.5
    draw(page, TALL)
    expect_digit(page, "1")


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


def test_the_model_that_answered_is_named(page: Page) -> None:
    draw(page, TALL)

    expect(page.locator("#model")).to_have_text(f"digits, version 3 {DIGEST[:12]}")
    expect(page.get_by_title(DIGEST)).to_be_visible()


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


@on_both
def test_an_unreachable_service_can_be_tried_again(page: Page) -> None:
    page.context.set_offline(True)
    page.locator("#canvas").click()
    expect(page.locator("#remark")).to_have_text("The service cannot be reached just now.")

    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()

    expect_digit(page, "0")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
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
          - button "Clear"
          - slider "Pen width"
          - button "Choose an image"
        - region "What the model reads":
          - status:
            - paragraph: "1"
            - paragraph: 91.0%
            - paragraph: confidence
          - table "Probability of each digit":
            - rowgroup:
              - row "0 1.0%"
              - row "1 91.0%"
          - img /What the model sees/
    """)
    expect(page.locator("#verdict")).to_have_attribute("aria-live", "polite")


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
    for _ in range(5):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.id"))
        looks.add(desk.screenshot())

    assert visited == ["canvas", "undo", "clear", "pen-width", "file"]
    assert len(looks) == 6


@on_both
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_easy_to_read(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    draw(page, TALL)
    expect_digit(page, "1")

    ground = luminance(colour(page, "body", "backgroundColor"))
    assert (ground < 0.2) == (scheme == "dark")
    for selector in ("h1", "header p", "#digit", "#remark", ".share", "dt", "code", "#keys"):
        text = luminance(colour(page, selector, "color"))
        lighter, darker = max(text, ground), min(text, ground)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, selector


def colour(page: Page, selector: str, role: str) -> list[int]:
    text: str = page.locator(selector).first.evaluate(
        "(element, role) => getComputedStyle(element)[role]", role
    )
    return [int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(",")]


def luminance(rgb: list[int]) -> float:
    """Relative luminance as WCAG 2 has it."""
    shares = [channel / 255 for channel in rgb]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_ink_follows_the_colour_scheme(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    draw(page, TALL)
    expect_digit(page, "1")
    assert luminance(sheet_pixel(page, 0.5, 0.5)) < 0.2

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
