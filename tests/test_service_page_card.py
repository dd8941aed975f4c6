"""The model card on the page, and the key that a service may ask for."""

from datetime import UTC, datetime

import pytest
from flask import Response
from playwright.sync_api import Locator, Page, expect

from registry.card import CardSignature, Lineage, ModelCard, StoredFile
from registry.contract import SIGNATURE
from tests.page_actions import (
    DIGEST,
    TALL,
    StandIn,
    draw,
    expect_digit,
    on_both,
    refusal,
)

pytest_plugins = ["tests.page_visits"]

CARD = ModelCard(
    name="digits",
    version=3,
    publish_id="once",
    created_at=datetime(2026, 11, 24, 18, 30, tzinfo=UTC),
    recipe={"hidden_layers": 2, "activation": "relu", "momentum": 0.9, "balanced": False},
    metrics={
        "accuracy": 0.9906,
        "calibration_error": 0.0031,
        "not_a_digit_auroc": 0.98712,
        "int8_accuracy": 0.99051234,
    },
    signature=SIGNATURE,
    lineage=Lineage(
        data={"train-images": "ab" * 32},
        seed=7,
        git_commit="0123456789abcdef0123",
        git_dirty=True,
        packages={"torch": "2.9.0", "numpy": "2.3.4"},
        python="3.11.7",
        hardware="two cores",
        device="cpu",
    ),
    files={
        "model.onnx": StoredFile(digest=DIGEST, size_bytes=219_344),
        "report.html": StoredFile(digest="cd" * 32, size_bytes=98_765),
    },
)


def serve(service: StandIn, card: ModelCard) -> None:
    service.card = Response(card.model_dump_json(), mimetype="application/json")


def open_card(page: Page) -> None:
    page.get_by_role("button", name="Model card").click()


def test_the_model_that_answered_is_named(page: Page) -> None:
    draw(page, TALL)

    expect(page.locator("#model")).to_have_text(f"Read by digits, version 3 {DIGEST[:12]}")
    expect(page.get_by_title(DIGEST)).to_be_visible()


@on_both
def test_the_card_says_how_good_the_model_is_and_where_it_comes_from(
    page: Page, service: StandIn
) -> None:
    serve(service, CARD)
    open_card(page)

    dialog = page.get_by_role("dialog", name="Model card digits, version 3")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".figures dt")).to_have_text(
        ["Test accuracy", "Calibration error", "Rejection"]
    )
    for text in (
        *("99.06%", "0.31%", "0.987", "0.9905", "24 November 2026 at 18:30", DIGEST),
        *("hidden layers", "relu", "0.9", "0123456789ab, with changes not committed"),
        *("torch 2.9.0, numpy 2.3.4", "cpu, two cores", "3.11.7", "model.onnx, 219 kB", "ab" * 32),
    ):
        expect(dialog.get_by_text(text).first).to_be_visible()
    expect(entry(page, "signed")).to_have_text("no")
    expect(entry(page, "balanced")).to_have_text("no")


def entry(page: Page, name: str) -> Locator:
    return page.locator(".entries div", has=page.get_by_text(name, exact=True)).locator("dd")


def test_a_signed_card_names_its_keys(page: Page, service: StandIn) -> None:
    signatures = (CardSignature(key_id="release-2026", signature="c2lnbg=="),)
    serve(service, CARD.model_copy(update={"signatures": signatures}))
    open_card(page)

    expect(entry(page, "signed")).to_have_text("by release-2026")


def test_the_report_opens_beside_the_page(page: Page, service: StandIn) -> None:
    serve(service, CARD)
    open_card(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Training report").click()

    assert opened.value.url == f"{service.url}model/report"


def test_a_version_without_a_report_offers_none(page: Page, service: StandIn) -> None:
    files = {"model.onnx": CARD.files["model.onnx"]}
    serve(service, CARD.model_copy(update={"files": files}))
    open_card(page)

    expect(page.get_by_role("link", name="Card as JSON")).to_be_visible()
    expect(page.get_by_role("link", name="Training report")).to_have_count(0)


def test_a_card_that_cannot_be_had_is_explained(page: Page, service: StandIn) -> None:
    service.card = refusal(503, "digits has no version that could be served yet.")
    open_card(page)
    expect(page.locator("#card-note")).to_have_text(
        "digits has no version that could be served yet."
    )
    page.get_by_role("button", name="Close").click()
    page.context.set_offline(True)
    open_card(page)

    expect(page.locator("#card-note")).to_contain_text("cannot be had just now")


@pytest.fixture
def locked(page: Page, service: StandIn) -> Page:
    """A page whose first answer was that it needs a key."""
    service.needs_key = True
    draw(page, TALL)
    expect(page.locator("#remark")).to_have_text("This needs an API key.")
    return page


def test_a_key_is_asked_for_and_sent_from_then_on(locked: Page, service: StandIn) -> None:
    locked.get_by_label("API key").fill(" secret ")
    locked.keyboard.press("Enter")

    expect_digit(locked, "1")
    expect(locked.get_by_label("API key")).to_be_hidden()
    assert service.keys[0] is None
    assert service.keys[-1] == "secret"


def test_a_key_outlives_a_reload_but_no_tab(locked: Page, service: StandIn) -> None:
    locked.get_by_label("API key").fill("secret")
    locked.get_by_role("button", name="Use it").click()
    expect_digit(locked, "1")
    locked.reload()
    draw(locked, TALL)
    expect_digit(locked, "1")
    assert service.keys[-1] == "secret"

    other = locked.context.new_page()
    other.goto(service.url)
    draw(other, TALL)
    expect(other.get_by_label("API key")).to_be_visible()


def test_with_a_key_the_report_is_saved(locked: Page, service: StandIn) -> None:
    serve(service, CARD)
    locked.get_by_label("API key").fill("secret")
    locked.keyboard.press("Enter")
    expect_digit(locked, "1")
    open_card(locked)
    with locked.expect_download() as saved:
        locked.get_by_role("link", name="Training report").click()

    assert saved.value.suggested_filename == "report.html"
    assert saved.value.path().read_text() == "report for secret"
