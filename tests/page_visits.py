"""Fixtures: a visit to the service's page in a real Chromium, and a stand-in for the service.

A test module that wants them says `pytest_plugins = ["tests.page_visits"]`.
"""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from tests.page_actions import SCREENS, StandIn


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
    """Errors, but not the browser's own notes of what was refused or did not arrive."""
    is_error = message.type == "error" and "Failed to load resource" not in message.text
    return [message.text] if is_error else []
