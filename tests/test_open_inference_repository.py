"""Which versions there are, and load and unload for administrators."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from registry.settings import RegistrySettings, open_registry
from service.access.keys import KeyEntry, describe, digest_of
from service.app import create_app
from service.settings import ServiceSettings
from tests.service_models import Served

INDEX = "/v2/repository/index"
LOAD = "/v2/repository/models/digits/load"
UNLOAD = "/v2/repository/models/digits/unload"
READY = "/v2/health/ready"

# The texts of the keys are their names.
PREDICT = {"Authorization": "Bearer reader"}
ADMIN = {"Authorization": "Bearer owner"}


@pytest.fixture
def served(sample_store: Path) -> Served:
    """Version 1 is in production, 2 is registered."""
    served = Served(open_registry(RegistrySettings(store=str(sample_store))))
    served.releases.publish()
    return served


@pytest.fixture
def client(served: Served, tmp_path: Path) -> FlaskClient:
    keys = tmp_path / "keys.toml"
    keys.write_text("".join(_keys()))
    return create_app(ServiceSettings(api_keys=keys), served.models).test_client()


def _keys() -> Iterator[str]:
    for name, scope in (("reader", "predict"), ("owner", "admin")):
        fields = {"created": datetime.now(UTC), "scopes": [scope], "sha256": digest_of(name).hex()}
        yield describe(name, KeyEntry.model_validate(fields))


@pytest.mark.parametrize("body", ["", "{}", '{"ready": false}', '{"ready": null}'])
def test_index_lists_versions_and_their_states(client: FlaskClient, body: str) -> None:
    assert client.post(INDEX, data=body, headers=PREDICT).get_json() == [
        {"name": "digits", "version": "1", "state": "READY"},
        {
            "name": "digits",
            "version": "2",
            "state": "UNAVAILABLE",
            "reason": "not loaded, until it is asked for",
        },
    ]


def test_index_may_be_of_what_is_ready(client: FlaskClient) -> None:
    index = client.post(INDEX, data='{"ready": true}', headers=PREDICT).get_json()

    assert [entry["version"] for entry in index] == ["1"]


def test_load_goes_along_with_the_alias(client: FlaskClient, served: Served) -> None:
    served.registry.promote(served.registry.card("digits", 2), "production")

    answer = client.post(LOAD, data="{}", headers=ADMIN)

    assert answer.get_json() == {"name": "digits", "version": "2", "state": "READY"}
    assert served.version == 2


def test_load_has_no_gap_and_may_be_repeated(client: FlaskClient, served: Served) -> None:
    for _ in range(2):
        assert client.post(LOAD, headers=ADMIN).status_code == 200
    assert served.version == 1


def test_version_that_fails_to_load_leaves_the_present_one(
    client: FlaskClient, served: Served
) -> None:
    served.releases.release(onnx_file=b"no model")

    answer = client.post(LOAD, headers=ADMIN)

    assert answer.status_code == 503
    assert served.version == 1
    broken = client.post(INDEX, headers=PREDICT).get_json()[-1]
    assert (broken["version"], broken["state"]) == ("3", "UNAVAILABLE")
    assert "cannot be loaded" in broken["reason"]


def test_unloaded_model_answers_again_when_it_is_loaded(client: FlaskClient) -> None:
    unloaded = client.post(
        UNLOAD, data='{"parameters": {"unload_dependents": false}}', headers=ADMIN
    )
    paths = (READY, "/v2/models/digits/ready", "/v2/models/digits")
    while_unloaded = [client.get(path, headers=PREDICT) for path in paths]
    client.post(LOAD, headers=ADMIN)
    afterwards = [client.get(path, headers=PREDICT) for path in paths]

    assert unloaded.status_code == 200
    assert [answer.status_code for answer in while_unloaded] == [503] * 3
    assert all("Retry-After" in answer.headers for answer in while_unloaded)
    assert [answer.status_code for answer in afterwards] == [200] * 3


@pytest.mark.parametrize(
    "parameters", [{"config": "{}"}, {"file:1/model.onnx": "AAAA"}, {"x": 1, "config": None}]
)
def test_models_come_from_the_registry_alone(
    client: FlaskClient, parameters: dict[str, object]
) -> None:
    answer = client.post(LOAD, data=json.dumps({"parameters": parameters}), headers=ADMIN)

    assert answer.status_code == 400
    assert "are loaded from the registry as they are" in answer.get_json()["error"]


@pytest.mark.parametrize("action", ["load", "unload"])
def test_other_models_are_not_found(client: FlaskClient, action: str) -> None:
    answer = client.post(f"/v2/repository/models/letters/{action}", headers=ADMIN)

    assert answer.status_code == 404


@pytest.mark.parametrize("path", [LOAD, UNLOAD])
def test_only_administrators_load_and_unload(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 401
    assert client.post(path, headers=PREDICT).status_code == 403


def test_without_keys_nobody_loads_or_unloads(served: Served) -> None:
    client = create_app(ServiceSettings(), served.models).test_client()

    assert client.post(LOAD).status_code == 403
    assert client.post(INDEX).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (INDEX, "[]"),
        (INDEX, "{"),
        (INDEX, '{"ready": 1}'),
        (LOAD, "7"),
        (LOAD, '{"parameters": []}'),
        (LOAD, '{"parameters": {"config": '),
    ],
)
def test_bad_body_is_refused(client: FlaskClient, path: str, body: str) -> None:
    assert client.post(path, data=body, headers=ADMIN).status_code == 400
