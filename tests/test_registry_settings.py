"""Settings: which store they open, and what they change in the requests to it."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest

from registry import s3, s3_light
from registry.catalog import Registry
from registry.configuration import SettingsError
from registry.errors import StoreUnavailableError, UnsafeStoreError
from registry.local import LocalStore
from registry.settings import RegistrySettings, open_registry, open_store, user_cache_directory
from registry.signing import Signer
from registry.store import Guarantee, ObjectStore
from tests.registry_examples import publish
from tests.registry_memory import MemoryStore

TEMPORARY = {"s3_session_token": "temporary"}


def settings(**changes: object) -> RegistrySettings:
    given: dict[str, object] = {
        "store": "s3://models/p",
        "s3_region": "eu-central-1",
        "s3_access_key_id": "AKIAEXAMPLE",
        "s3_secret_access_key": "example",
    }
    return RegistrySettings.model_validate(given | changes)


def sent(directory: Path, **changes: object) -> AWSPreparedRequest:
    """The request that putting an object makes, caught before it is sent."""
    store = s3.connect(settings(**changes), "models", "p", directory)

    def catch(request: AWSPreparedRequest, **_: object) -> None:
        raise CaughtError(request)

    store._client.meta.events.register("before-send.s3", catch)
    with pytest.raises(CaughtError) as caught:
        store.put("a/b", b"body")
    return caught.value.request


class CaughtError(Exception):
    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__(request)
        self.request = request


def header(request: AWSPreparedRequest, name: str) -> str | None:
    value = request.headers.get(name)
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_path_opens_a_directory(tmp_path: Path, scheme: str) -> None:
    store = open_store(RegistrySettings(store=f"{scheme}{tmp_path}/a b"))

    assert isinstance(store, LocalStore)
    assert store.directory == tmp_path / "a b"


def test_an_s3_address_opens_a_bucket(tmp_path: Path) -> None:
    store = open_store(settings(cache_dir=tmp_path))

    assert store.address == "s3://models/p/"


def test_aws_is_addressed_by_host_in_its_region(tmp_path: Path) -> None:
    request = sent(tmp_path)

    assert request.url == "https://models.s3.eu-central-1.amazonaws.com/p/a/b"
    assert "AKIAEXAMPLE/" in (header(request, "Authorization") or "")
    assert "/eu-central-1/s3/" in (header(request, "Authorization") or "")


def test_another_server_is_addressed_by_path_if_asked(tmp_path: Path) -> None:
    request = sent(tmp_path, s3_endpoint_url="http://127.0.0.1:1", s3_path_style=True)

    assert request.url == "http://127.0.0.1:1/models/p/a/b"


def test_temporary_credentials_have_a_token(tmp_path: Path) -> None:
    request = sent(tmp_path, **TEMPORARY)

    assert header(request, "X-Amz-Security-Token") == "temporary"


@pytest.mark.parametrize(("mode", "present"), [("when_supported", True), ("when_required", False)])
def test_checksums_can_be_left_out(tmp_path: Path, mode: str, present: bool) -> None:
    request = sent(tmp_path, s3_checksums=mode, s3_endpoint_url="http://127.0.0.1:1")

    names = {name.lower() for name in request.headers}
    assert any(name.startswith("x-amz-checksum-") for name in names) is present


def test_encryption_can_be_asked_for(tmp_path: Path) -> None:
    plain = sent(tmp_path)
    by_s3 = sent(tmp_path, s3_encryption="AES256")
    by_kms = sent(tmp_path, s3_encryption="aws:kms", s3_kms_key_id="alias/models")

    assert header(plain, "x-amz-server-side-encryption") is None
    assert header(by_s3, "x-amz-server-side-encryption") == "AES256"
    assert header(by_kms, "x-amz-server-side-encryption") == "aws:kms"
    assert header(by_kms, "x-amz-server-side-encryption-aws-kms-key-id") == "alias/models"


@pytest.mark.parametrize("connect", [s3.connect, s3_light.connect], ids=["boto3", "light"])
def test_a_server_that_is_not_there_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[RegistrySettings, str, str, Path], ObjectStore],
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    unreachable = settings(s3_endpoint_url="http://127.0.0.1:1", s3_path_style=True)
    store = connect(unreachable, "models", "p", tmp_path)

    with pytest.raises(StoreUnavailableError, match=r"cannot reach s3://models/p/: .*127\.0\.0\.1"):
        store.get("a")


def test_secrets_are_not_shown() -> None:
    shown = repr(settings(**TEMPORARY))

    assert "example'" not in shown
    assert "temporary" not in shown


def test_policy_and_key_come_from_files(tmp_path: Path) -> None:
    signer = Signer.create(tmp_path / "ci.pem")
    (tmp_path / "policy.json").write_text(json.dumps({"keys": {"ci": signer.public_key}}))

    registry = open_registry(
        RegistrySettings(
            store=str(tmp_path / "store"),
            policy=tmp_path / "policy.json",
            signing_key=tmp_path / "ci.pem",
        )
    )

    assert registry.policy.keys == {"ci": signer.public_key}
    assert len(publish(registry).signatures) == 1


def test_only_a_promise_opens_a_store_that_keeps_nobody_apart() -> None:
    store = MemoryStore()
    store.kept_apart = Guarantee.NONE

    with pytest.raises(UnsafeStoreError):
        publish(Registry(store))
    assert publish(Registry(store, single_writer=True)).version == 1


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What stands in for /tmp for a number that no user has, as in containers."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_user_without_a_home_has_a_cache(homeless: Path) -> None:
    cache = homeless / f"ziffer-{os.getuid()}"

    assert user_cache_directory() == cache
    assert cache.stat().st_mode & 0o077 == 0
    open_registry(RegistrySettings(store="s3://models"))


def test_a_cache_that_somebody_else_laid_out_is_refused(homeless: Path) -> None:
    (homeless / "theirs").mkdir()
    (homeless / f"ziffer-{os.getuid()}").symlink_to("theirs")

    with pytest.raises(SettingsError, match="not this user's own"):
        open_registry(RegistrySettings(store="s3://models"))


def test_a_user_without_any_writable_place_has_none(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")

    assert user_cache_directory() == Path(f"/nonexistent/ziffer-{os.getuid()}")
