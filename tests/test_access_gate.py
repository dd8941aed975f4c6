"""What the gate lets through, refuses and adds, as clients see it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from registry.configuration import SettingsError, load
from service.access.address import client_address
from service.access.admin import admin_only
from service.access.keys import KeyEntry, describe, digest_of
from service.app import create_app
from service.http import Answer, json_answer
from service.models.served import Models
from service.settings import ServiceSettings

IMAGE = bytes(784)
SITE = "https://digits.example.org"

NOW = datetime.now(UTC)
KEYS = {
    "reader": ["predict"],
    "owner": ["admin"],
    "former": ["admin", "predict"],
}

ClientWith = Callable[..., FlaskClient]


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """A file with keys whose texts are their names; `former` has expired."""
    file = tmp_path / "keys.toml"
    file.write_text("".join(table(name, scopes) for name, scopes in KEYS.items()))
    return file


def table(name: str, scopes: list[str]) -> str:
    expires = NOW - timedelta(seconds=2) if name == "former" else NOW + timedelta(days=1)
    fields = {"created": NOW, "expires": expires, "scopes": scopes}
    return describe(name, KeyEntry.model_validate(fields | {"sha256": digest_of(name).hex()}))


@pytest.fixture
def client_with(models: Models) -> ClientWith:
    def client(**settings: object) -> FlaskClient:
        app = create_app(ServiceSettings.model_validate(settings), models)

        @app.post("/administration")
        @admin_only
        def administer() -> Answer:
            return json_answer({})

        return app.test_client()

    return client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def status_of(client: FlaskClient, path: str) -> int:
    with client.get(path) as answer:
        return answer.status_code


def error_of(answer: TestResponse) -> str:
    return str(answer.get_json()["error"])


def predict(client: FlaskClient, headers: dict[str, str] | None = None) -> TestResponse:
    return client.post("/predict", data=IMAGE, headers=headers)


def test_without_keys_prediction_is_open_and_administration_off(client_with: ClientWith) -> None:
    client = client_with()

    assert predict(client).status_code == 200
    refusal = client.post("/administration", headers=bearer("owner"))
    assert refusal.status_code == 403
    assert "ZIFFER_SERVE_API_KEYS" in error_of(refusal)


@pytest.mark.parametrize(
    "headers",
    [
        bearer("reader"),
        bearer("owner"),  # Who may do more may do less.
        {"Authorization": "bearer  reader "},
        {"X-API-Key": "reader"},
        {"X-API-Key": "reader", "Authorization": "Bearer token-of-the-platform"},
        {"X-API-Key": "reader", "Authorization": "AWS4-HMAC-SHA256 Credential=A"},
    ],
)
def test_key_opens_prediction(
    headers: dict[str, str], client_with: ClientWith, keys_file: Path
) -> None:
    assert predict(client_with(api_keys=keys_file), headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "sentence", "challenge"),
    [
        ({}, "This needs an API key", 'Bearer realm="Ziffer"'),
        ({"Authorization": "Basic cmVhZGVyOg=="}, "This needs an API key", 'Bearer realm="Ziffer"'),
        ({"Authorization": "reader"}, "This needs an API key", 'Bearer realm="Ziffer"'),
        ({"X-API-Key": ""}, "This needs an API key", 'Bearer realm="Ziffer"'),
        (bearer("Reader"), "is not known here", 'Bearer realm="Ziffer", error="invalid_token"'),
        (bearer("r\xfc"), "is not known here", 'Bearer realm="Ziffer", error="invalid_token"'),
        (bearer("former"), "has expired", 'Bearer realm="Ziffer", error="invalid_token"'),
    ],
)
def test_other_keys_do_not(
    headers: dict[str, str],
    sentence: str,
    challenge: str,
    client_with: ClientWith,
    keys_file: Path,
) -> None:
    refusal = predict(client_with(api_keys=keys_file), headers)

    assert refusal.status_code == 401
    assert sentence in error_of(refusal)
    assert refusal.headers["WWW-Authenticate"] == challenge
    assert not any(name in refusal.text for name in (*KEYS, "Reader", "cmVh"))


def test_key_in_the_address_is_none(client_with: ClientWith, keys_file: Path) -> None:
    client = client_with(api_keys=keys_file)

    assert client.post("/predict?api_key=reader&key=reader", data=IMAGE).status_code == 401


def test_administration_wants_its_own_scope(client_with: ClientWith, keys_file: Path) -> None:
    client = client_with(api_keys=keys_file)

    refusal = client.post("/administration", headers=bearer("reader"))
    assert refusal.status_code == 403
    assert 'error="insufficient_scope"' in refusal.headers["WWW-Authenticate"]
    assert client.post("/administration", headers=bearer("owner")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/v2/health/live", "/v2/health/ready"])
def test_page_and_health_need_no_key(path: str, client_with: ClientWith, keys_file: Path) -> None:
    assert status_of(client_with(api_keys=keys_file), path) == 200


@pytest.mark.parametrize(
    "path", ["/unknown", "/page", "//healthz", "/healthz/", "/page/../predict", "/v2", "/Healthz"]
)
def test_whatever_is_not_named_open_is_closed(
    path: str, client_with: ClientWith, keys_file: Path
) -> None:
    client = client_with(api_keys=keys_file)

    assert client.get(path).status_code in {401, 404}
    assert client.post(path, data=IMAGE).status_code in {401, 404, 405}


def test_metrics_are_closed_only_if_asked_to(client_with: ClientWith, keys_file: Path) -> None:
    by_default = client_with(api_keys=keys_file).get("/metrics")
    closed = client_with(api_keys=keys_file, metrics_need_key=True).get("/metrics")

    assert by_default.status_code != 401
    assert closed.status_code == 401


def test_wrong_file_stops_the_start(client_with: ClientWith, keys_file: Path) -> None:
    keys_file.write_text(keys_file.read_text().replace("admin", "root"))

    with pytest.raises(SettingsError, match=r"keys\.toml: \[owner\] scopes"):
        client_with(api_keys=keys_file)


def test_too_many_requests_are_told_when_to_come_back(client_with: ClientWith) -> None:
    client = client_with(rate_limit=0.01, rate_burst=2)

    granted = [predict(client) for _ in range(2)]
    refused = predict(client)

    assert [answer.status_code for answer in granted] == [200, 200]
    assert [answer.headers["RateLimit"] for answer in granted] == [
        '"default";r=1;t=100',
        '"default";r=0;t=200',
    ]
    assert refused.status_code == 429
    assert 90 < int(refused.headers["Retry-After"]) <= 100
    assert refused.headers["RateLimit-Policy"] == '"default";q=2;w=200'
    assert refused.headers["RateLimit"] == f'"default";r=0;t={refused.headers["Retry-After"]}'
    assert "127.0.0.1" in error_of(refused)


def test_health_and_page_are_not_limited(client_with: ClientWith) -> None:
    client = client_with(rate_limit=0.01, rate_burst=1)

    for _ in range(3):
        assert status_of(client, "/healthz") == 200
        assert status_of(client, "/") == 200


def test_each_key_has_its_own_limit(client_with: ClientWith, keys_file: Path) -> None:
    client = client_with(rate_limit=0.01, rate_burst=1, api_keys=keys_file)

    statuses = [
        predict(client, bearer(key)).status_code for key in ("reader", "owner", "reader", "nobody")
    ]

    assert statuses == [200, 200, 429, 401]


def test_other_origins_are_told_nothing_by_default(client_with: ClientWith) -> None:
    answer = predict(client_with(), {"Origin": SITE})

    assert answer.status_code == 200
    assert not any(name.startswith("Access-Control") for name in answer.headers.keys())  # noqa: SIM118 - not a dict


def preflight(client: FlaskClient, origin: str) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options("/predict", headers=headers)


def test_preflight_needs_no_key(client_with: ClientWith, keys_file: Path) -> None:
    client = client_with(api_keys=keys_file, cors_origins=f"https://other.example, {SITE}")

    answer = preflight(client, SITE)

    assert (answer.status_code, answer.data) == (204, b"")
    # Browsers refuse an answer that says so twice.
    assert answer.headers.getlist("Access-Control-Allow-Origin") == [SITE]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "X-API-Key"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert answer.headers["Vary"] == "Origin"
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{SITE}.evil.example", "http://digits.example.org", "null"]
)
def test_strange_origin_is_granted_nothing(origin: str, client_with: ClientWith) -> None:
    client = client_with(cors_origins=SITE)

    for answer in (preflight(client, origin), predict(client, {"Origin": origin})):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


def test_errors_can_be_read_by_other_origins(client_with: ClientWith, keys_file: Path) -> None:
    client = client_with(api_keys=keys_file, cors_origins=SITE)

    refusal = predict(client, {"Origin": SITE})

    assert refusal.status_code == 401
    assert refusal.headers["Access-Control-Allow-Origin"] == SITE
    assert "X-Model-Version" in refusal.headers["Access-Control-Expose-Headers"]


def test_star_grants_every_origin(client_with: ClientWith) -> None:
    client = client_with(cors_origins="*")

    assert preflight(client, SITE).headers["Access-Control-Allow-Origin"] == "*"
    assert predict(client, {"Origin": "null"}).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "origins",
    [
        "example.org",
        f"{SITE}/",
        f"{SITE}/page",
        f"{SITE}, HTTPS://EXAMPLE.ORG",
        f"{SITE}:443",
        "https://*.example.org",
        "null",
        "https://a.example:99999999",
        "https://a.example:99999",
    ],
)
def test_origin_that_no_browser_sends_is_refused(origins: str) -> None:
    with pytest.raises(SettingsError, match="ZIFFER_SERVE_CORS_ORIGINS is "):
        load(ServiceSettings, "service", None, [], {"ZIFFER_SERVE_CORS_ORIGINS": origins})


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("192.0.2.1", "198.51.100.7", 0, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", 1, "198.51.100.7"),
        ("192.0.2.1", "forged, 198.51.100.7", 1, "198.51.100.7"),
        ("192.0.2.1", "forged, 198.51.100.7,10.0.0.1", 2, "198.51.100.7"),
        ("192.0.2.1", "10.0.0.1", 2, "192.0.2.1"),  # It did not come by way of both.
        ("192.0.2.1", "", 1, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7:4711", 1, "198.51.100.7"),
        ("192.0.2.1", "[2001:db8:1:2:3::4]:4711", 1, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", 0, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", 0, "192.0.2.1"),
        ("fe80::1%eth0", "", 0, "fe80::/64"),
        ("", "", 0, ""),
    ],
)
def test_client_is_whom_the_nearest_trusted_proxy_saw(
    peer: str, forwarded: str, proxies: int, client: str
) -> None:
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(environ, trusted_proxies=proxies) == client


@given(st.text(st.characters(max_codepoint=255), max_size=60), st.integers(1, 3))
def test_any_forwarded_header_is_some_client(forwarded: str, proxies: int) -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": f"{forwarded}, 198.51.100.7"}

    assert client_address(environ, trusted_proxies=1) == "198.51.100.7"
    assert client_address(environ, trusted_proxies=proxies) is not None


def test_long_address_is_not_remembered_whole() -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "a:b" * 20_000}

    assert len(client_address(environ, trusted_proxies=1)) < 100
