"""Take the picture of the page in README: draw a three on the page of a running service."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ADDRESS = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
PICTURE = Path(__file__).with_name("page.png")

# The corners of a three, in shares of the sheet's side.
STROKE = (
    *((0.30, 0.25), (0.50, 0.20), (0.68, 0.28), (0.66, 0.42), (0.48, 0.50)),
    *((0.68, 0.58), (0.70, 0.72), (0.52, 0.82), (0.30, 0.76)),
)


def draw(page: Page) -> None:
    """Draw STROKE on the sheet and wait for the answer."""
    box = page.get_by_label("Sheet to draw a digit on").bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKE]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
    expect(page.locator("#digit")).to_have_text("3")
    page.wait_for_timeout(1000)  # The bars grow to their length.


def main() -> None:
    """Open the page in Chromium, draw, and save what it looks like."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 760})
        page.goto(ADDRESS)
        draw(page)
        page.screenshot(path=PICTURE)
        chromium.close()


if __name__ == "__main__":
    main()
