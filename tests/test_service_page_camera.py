"""Photos on the page, taken with Chromium's own make-believe camera."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page_actions import StandIn, on_both

pytest_plugins = ["tests.page_visits"]

TRACKS = "() => (window.streams ?? []).flatMap(each => each.getTracks().map(t => t.readyState))"

# A dialog says that it is closed a moment after it is hidden.
ENDED = f"() => ({TRACKS})().join() === 'ended'"


@pytest.fixture
def camera(page: Page) -> Page:
    """A page that may use the camera, and whose streams are kept in sight."""
    page.context.grant_permissions(["camera"])
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.streams = [];
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                const stream = await ask(wanted);
                window.streams.push(stream);
                return stream;
            };
        }"""
    )
    return page


def open_camera(page: Page) -> None:
    page.get_by_role("button", name="Take a photo").click()


@on_both
def test_a_photo_is_what_the_viewfinder_showed(camera: Page, service: StandIn) -> None:
    open_camera(camera)
    shutter = camera.get_by_role("button", name="Take the photo")
    expect(shutter).to_be_focused()
    playing = "video => !video.paused && video.videoWidth > 0"
    assert camera.locator("#viewfinder").evaluate(playing)
    shutter.click()

    expect(camera.get_by_role("dialog")).to_be_hidden()
    assert service.arrivals.acquire(timeout=15)
    photo = Image.open(io.BytesIO(service.bodies[0]))
    assert (service.types[0], photo.format) == ("image/jpeg", "JPEG")
    assert photo.width == photo.height >= 280
    # Chromium's make-believe camera shows a disc on a ground, both of them green.
    middle = photo.getpixel((photo.width // 2, photo.height // 2))
    assert isinstance(middle, tuple)
    assert middle[1] > 100 > max(middle[0], middle[2])
    expect(camera.locator("#sheet")).not_to_have_class("is-bare")
    expect(camera.get_by_role("button", name="Take a photo")).to_be_focused()


def test_the_camera_is_let_go_after_the_photo(camera: Page) -> None:
    open_camera(camera)
    camera.get_by_role("button", name="Take the photo").click()

    expect(camera.get_by_role("dialog")).to_be_hidden()
    camera.wait_for_function(ENDED)


@pytest.mark.parametrize("by", ["Cancel", "Escape"])
def test_the_camera_is_let_go_when_no_photo_is_wanted(
    camera: Page, service: StandIn, by: str
) -> None:
    open_camera(camera)
    expect(camera.get_by_role("button", name="Take the photo")).to_be_visible()
    assert camera.evaluate(TRACKS) == ["live"]
    if by == "Escape":
        camera.keyboard.press("Escape")
    else:
        camera.get_by_role("button", name="Cancel").click()

    expect(camera.get_by_role("dialog")).to_be_hidden()
    camera.wait_for_function(ENDED)
    assert service.bodies == []


def test_a_camera_that_comes_too_late_is_let_go(camera: Page) -> None:
    camera.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia;
            const closed = new Promise((done) => {
                document.getElementById("camera").addEventListener("close", done);
            });
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                await closed;
                return ask(wanted);
            };
        }"""
    )
    open_camera(camera)
    camera.get_by_role("button", name="Cancel").click()

    camera.wait_for_function(ENDED)


@on_both
def test_a_page_that_may_not_use_the_camera_says_so(page: Page) -> None:
    open_camera(page)

    note = page.get_by_role("dialog").get_by_role("status")
    expect(note).to_contain_text("This page may not use the camera")
    expect(page.get_by_role("button", name="Take the photo")).to_be_hidden()
    with page.expect_file_chooser():
        page.get_by_role("dialog").get_by_role("button", name="Choose an image").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "The camera is in use by another program."),
        ("AbortError", "The camera does not answer."),
    ],
)
def test_whatever_the_camera_lacks_is_said_plainly(page: Page, name: str, words: str) -> None:
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('', name)); }",
        name,
    )
    open_camera(page)

    expect(page.locator("#camera-note")).to_contain_text(words)


WITHOUT_DEVICES = """
    () => Object.defineProperty(navigator, "mediaDevices", {value: undefined})
"""


def test_a_desktop_without_https_says_why_there_is_no_camera(page: Page) -> None:
    page.evaluate(WITHOUT_DEVICES)
    open_camera(page)

    expect(page.locator("#camera-note")).to_contain_text("only over https")


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_phone_without_https_takes_the_photo_by_its_own_app(page: Page, service: StandIn) -> None:
    page.evaluate(WITHOUT_DEVICES)
    with page.expect_file_chooser() as chooser:
        open_camera(page)
    content = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(content, "JPEG")
    chooser.value.set_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()}
    )

    assert chooser.value.element.get_attribute("capture") == "environment"
    assert service.arrivals.acquire(timeout=15)
    assert service.bodies == [content.getvalue()]
