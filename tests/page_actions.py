"""What one does on the service's page, and a stand-in for the service behind it."""

import io
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request, send_from_directory
from PIL import Image, ImageOps, UnidentifiedImageError
from playwright.sync_api import Page, expect

from service.protocols.page import FOLDER, HOME_HEADERS

DIGEST = "4f1a9c2e" * 8
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
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


# The top right speaks for what is read, the bottom left against it.
SALIENCY = [
    [0.8 if y < 11 and x > 17 else -0.6 if y > 17 and x < 11 else 0.0 for x in range(28)]
    for y in range(28)
]


class StandIn:
    """Reads tall ink as 1, wide ink as 7, and square ink as 0 or perhaps 6; keeps what it got."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.types: list[str] = []
        self.refusal: Response | None = None
        self.twist: dict[str, Any] = {}
        """What its answers say otherwise."""
        self.number: Response | None = None
        self.read_bodies: list[bytes] = []
        self.card = Response("{}", mimetype="application/json")
        self.keys: list[str | None] = []
        self.needs_key = False
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
        self.keys.append(request.headers.get("X-API-Key"))
        self.arrivals.release()
        self.may_answer.wait(timeout=30)
        with self._lock:
            self._busy -= 1
        if self.needs_key and not self.keys[-1]:
            return refusal(401, "This needs an API key.")
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
        likeliest = sorted(range(10), key=lambda each: -probabilities[each])
        small = ink.resize((28, 28))
        answer = {
            "digit": digit,
            "confidence": probabilities[digit],
            "rejected": None,
            "probabilities": probabilities,
            "top": [{"digit": d, "probability": probabilities[d]} for d in likeliest[:2]],
            "not_a_digit": 0.01,
            "model": {"name": "digits", "version": 3, "digest": DIGEST},
            "pixels": [[small.getpixel((x, y)) for x in range(28)] for y in range(28)],
            "saliency": SALIENCY,
        }
        return jsonify(answer | self.twist)

    def read_number(self) -> Response:
        self.read_bodies.append(request.get_data())
        return self.number or refusal(404, "Nobody reads numbers here.")

    def report(self) -> str:
        return f"report for {request.headers.get('X-API-Key', 'everyone')}"

    def app(self) -> Flask:
        app = Flask("stand-in")
        app.get("/", endpoint="home")(lambda: send_from_directory(FOLDER, "index.html"))
        app.get("/page/<name>", endpoint="page")(lambda name: send_from_directory(FOLDER, name))
        app.post("/predict", endpoint="predict")(self.predict)
        app.post("/read", endpoint="read")(self.read_number)
        app.get("/model", endpoint="model")(lambda: self.card)
        app.get("/model/report", endpoint="report")(self.report)

        @app.after_request
        def with_policy(response: Response) -> Response:
            response.headers.update(HOME_HEADERS)
            return response

        return app


def refusal(status: int, error: str, *, retry_after_s: int | None = None) -> Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    body = json.dumps({"error": error, "status": status})
    return Response(body, status, headers, mimetype="application/problem+json")


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
