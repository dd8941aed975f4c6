"""The routes of the page, and of what it tells of the model."""

import hashlib
import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from registry import keys
from registry.card import ModelCard
from registry.settings import RegistrySettings
from service.app import create_app
from service.models.classifier import Classifier
from service.models.served import Models
from service.protocols.page import FOLDER, REPORT_FILE
from service.settings import ServiceSettings

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def without_report(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: file for name, file in classifier.card.files.items() if name != REPORT_FILE}
    monkeypatch.setattr(classifier, "card", classifier.card.model_copy(update={"files": files}))


@pytest.fixture
def own_store(tmp_path: Path, sample_store: Path) -> Path:
    """A copy of the sample's registry, to be damaged."""
    return Path(shutil.copytree(sample_store, tmp_path / "store"))


@pytest.fixture
def client_of_own_store(own_store: Path) -> FlaskClient:
    settings = ServiceSettings(registry=RegistrySettings(store=str(own_store)))
    models = Models(settings)
    models.prepare()
    return create_app(settings, models).test_client()


def test_a_browser_gets_the_page_and_a_program_a_word(client: FlaskClient) -> None:
    with client.get("/", headers=BROWSER) as answer:
        assert answer.mimetype == "text/html"
        assert answer.data == (FOLDER / "index.html").read_bytes()
    assert client.get("/").json == {"status": "alive"}
    assert client.get("/", headers={"Accept": "*/*"}).headers["Vary"] == "Accept"


def test_the_page_may_do_what_it_needs_and_nothing_else(client: FlaskClient) -> None:
    with client.get("/", headers=BROWSER) as answer:
        rules = dict(
            rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; ")
        )
        headers = answer.headers

    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert headers["Permissions-Policy"].startswith("camera=(self), geolocation=()")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_every_file_of_the_page_is_there_with_its_type(client: FlaskClient, name: str) -> None:
    types = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
    with client.get(f"/page/{name}") as answer:
        assert (answer.status_code, answer.mimetype) == (200, types[Path(name).suffix])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_beside_the_page_is_given_out(client: FlaskClient) -> None:
    for path in ("/page/../app.py", "/page/%2e%2e%2fapp.py", "/page/", "/page/nowhere.js"):
        assert client.get(path).status_code == 404, path


def test_the_card_is_that_of_the_model_that_answers(
    client: FlaskClient, classifier: Classifier
) -> None:
    answer = client.get("/model")

    assert ModelCard.model_validate_json(answer.data) == classifier.card
    assert answer.mimetype == "application/json"


def test_the_report_is_the_registered_one_and_can_do_nothing(
    client: FlaskClient, classifier: Classifier
) -> None:
    answer = client.get("/model/report")

    digest = classifier.card.files[REPORT_FILE].digest
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert hashlib.sha256(answer.data).hexdigest() == digest
    rules = answer.headers["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "img-src data:"} <= set(rules)
    assert not [rule for rule in rules if rule.startswith("script-src")]
    again = client.get("/model/report", headers={"If-None-Match": f'"{digest}"'})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.usefixtures("without_report")
def test_a_version_without_a_report_says_so(client: FlaskClient) -> None:
    answer = client.get("/model/report")

    assert answer.status_code == 404
    assert "was registered without a report" in answer.get_json()["error"]


def test_a_report_of_a_store_that_is_away_can_be_asked_for_later(
    own_store: Path, client_of_own_store: FlaskClient
) -> None:
    own_store.rename(own_store.with_name("elsewhere"))
    own_store.write_text("a file where the directory was")

    answer = client_of_own_store.get("/model/report")

    assert answer.status_code == 503
    assert answer.get_json()["error"].startswith("The report cannot be had just now")
    assert int(answer.headers["Retry-After"]) > 0
    assert client_of_own_store.get("/model").status_code == 200


def test_a_damaged_report_is_not_shown(
    own_store: Path, client_of_own_store: FlaskClient, classifier: Classifier
) -> None:
    (own_store / keys.blob(classifier.card.files[REPORT_FILE].digest)).write_text("<h1>100 %</h1>")

    answer = client_of_own_store.get("/model/report")

    assert answer.status_code == 502
    assert "100 %" not in answer.text


def test_without_a_model_there_is_no_card(tmp_path: Path) -> None:
    registry = RegistrySettings(store=str(tmp_path))
    settings = ServiceSettings(registry=registry, wait_for_model=True)
    models = Models(settings)
    models.prepare()
    client = create_app(settings, models).test_client()

    for path in ("/model", "/model/report"):
        answer = client.get(path)
        assert (answer.status_code, "no version" in answer.text) == (503, True)
