"""Reading a bucket without boto3: exactly as boto3 would, or else by boto3."""

import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from registry import s3, s3_light
from registry.aws_signature import Credentials, signed_headers
from registry.errors import NotFoundError, StoreUnavailableError
from registry.s3_access import plain_access
from registry.s3_light import LightS3Store
from registry.settings import RegistrySettings, open_store
from registry.store import ObjectStore
from tests.registry_proxy import Fault, Proxy, proxied
from tests.registry_servers import Server

pytest_plugins = ["tests.registry_stores"]

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
ASCII = st.characters(codec="ascii", categories=["L", "N", "P", "S"])


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody waits, and whoever runs the tests has no files and variables of AWS."""
    monkeypatch.setattr("registry.s3_reader._jitter_s", lambda *_: 0)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def settings(**changes: object) -> RegistrySettings:
    return RegistrySettings.model_validate({"store": "s3://models/p"} | changes)


def test_the_signature_is_that_of_aws_own_example() -> None:
    # The first example of the page that registry/aws_signature.py cites.
    signed = signed_headers(
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "us-east-1",
        "/test.txt",
        {"Host": "examplebucket.s3.amazonaws.com", "Range": "bytes=0-9"},
        datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@given(
    key=st.text(),
    secret=st.text(min_size=1),
    token=st.none() | st.text(ASCII, min_size=1),
    headers=st.fixed_dictionaries({}, optional={"If-None-Match": st.text(ASCII, min_size=1)}),
)
def test_signatures_are_those_of_botocore(
    key: str, secret: str, token: str | None, headers: dict[str, str]
) -> None:
    path = "/" + quote(key)
    request = AWSRequest("GET", f"https://models.example.org:9000{path}", headers=headers)
    S3SigV4Auth(BotocoreCredentials("id", secret, token), "s3", "eu-west-1").add_auth(request)
    at = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    signed = signed_headers(
        Credentials("id", secret, token),
        "eu-west-1",
        path,
        {"Host": "models.example.org:9000", **headers},
        at,
    )

    assert signed["authorization"] == request.headers["Authorization"].replace(", ", ",")


def test_secrets_of_credentials_are_not_shown() -> None:
    shown = repr(Credentials("id", "secret", "token"))

    assert "id" in shown
    assert "secret" not in shown
    assert "token" not in shown


@pytest.mark.parametrize(
    ("given", "environ"),
    [
        ({}, KEYS),
        ({}, KEYS | {"AWS_DEFAULT_REGION": "eu-central-1"}),
        ({}, KEYS | {"AWS_DEFAULT_REGION": "ap-southeast-2", "AWS_SESSION_TOKEN": "temporary"}),
        ({"s3_region": "us-west-2", "s3_path_style": True}, KEYS),
        ({"s3_access_key_id": "AKIA", "s3_secret_access_key": "s"}, KEYS),
        ({"s3_access_key_id": "AKIA", "s3_secret_access_key": "s"}, {"AWS_SESSION_TOKEN": "old"}),
        ({"s3_endpoint_url": "http://127.0.0.1:9000"}, KEYS),
        ({"s3_endpoint_url": "https://[::1]:9000/base/", "s3_region": "other"}, KEYS),
        ({"s3_endpoint_url": "https://storage.example.org:443", "s3_path_style": True}, KEYS),
        ({}, KEYS | {"AWS_ENDPOINT_URL": "http://storage"}),
        ({}, KEYS | {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b:80"}),
        ({}, KEYS | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "AWS_REGION": "eu-west-1"}),
    ],
)
def test_requests_go_where_those_of_boto3_go(
    given: dict[str, object],
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    full = s3.connect(settings(**given), "models", "p", tmp_path)
    light = s3_light.connect(settings(**given), "models", "p", tmp_path)

    assert isinstance(light, LightS3Store)
    assert (light.address, light.identity) == (full.address, full.identity)
    assert sent_lightly(light, monkeypatch) == sent_by_boto3(full)


KEY = "a b/ü~+=.json"


class CaughtError(Exception):
    """Carries the address of a request that was not sent, its credential and token."""


def sent_by_boto3(store: s3.S3Store) -> tuple[object, ...]:
    def catch(request: AWSPreparedRequest, **_: object) -> None:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        raise CaughtError(request.url, headers)

    store._client.meta.events.register("before-send.s3", catch)
    with pytest.raises(CaughtError) as caught:
        store.get(KEY)
    return summary(*caught.value.args)


def sent_lightly(store: LightS3Store, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    def catch(connection: HTTPConnection, method: str, path: str, headers: dict[str, str]) -> None:
        assert method == "GET"
        scheme = "https" if isinstance(connection, HTTPSConnection) else "http"
        host = f"[{connection.host}]" if ":" in connection.host else connection.host
        assert headers["host"] in {host, f"{host}:{connection.port}"}
        raise CaughtError(f"{scheme}://{host}:{connection.port}{path}", headers)

    monkeypatch.setattr(HTTPConnection, "request", catch)
    with pytest.raises(CaughtError) as caught:
        store.get(KEY)
    return summary(*caught.value.args)


def summary(url: str, headers: dict[str, str]) -> tuple[object, ...]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    credential = headers["authorization"].partition("Credential=")[2].partition(",")[0]
    token = headers.get("x-amz-security-token")
    return parts.scheme, parts.hostname, port, parts.path, credential, token


@pytest.mark.parametrize(
    ("given", "environ"),
    [
        ({}, {}),
        ({}, {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}),
        ({"s3_access_key_id": "AKIA"}, KEYS),
        ({}, KEYS | {"AWS_PROFILE": "ci"}),
        ({}, KEYS | {"AWS_CONFIG_FILE": "/etc/aws"}),
        ({}, KEYS | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
        ({}, KEYS | {"AWS_CREDENTIAL_EXPIRATION": "2026-01-01T00:00:00Z"}),
        ({}, KEYS | {"https_proxy": "http://proxy:3128"}),
        ({}, KEYS | {"AWS_DEFAULT_REGION": "cn-north-1"}),
        ({}, KEYS | {"AWS_DEFAULT_REGION": "us-gov-west-1"}),
        ({"s3_endpoint_url": "https://vpce-1.s3.us-east-1.vpce.amazonaws.com"}, KEYS),
        ({"store": "s3://models-usw2-az1--x-s3"}, KEYS),
        ({"store": "s3://old.bucket.example"}, KEYS),
        ({"store": "s3://point-abcdef-s3alias"}, KEYS),
    ],
)
def test_what_is_not_plain_is_left_to_boto3(
    given: dict[str, object], environ: dict[str, str]
) -> None:
    bucket = str(given.get("store", "s3://models")).removeprefix("s3://")

    assert plain_access(settings(**given), bucket, environ) is None


@pytest.mark.parametrize("file", ["config", "credentials"])
def test_files_of_aws_are_left_to_boto3(tmp_path: Path, file: str) -> None:
    assert plain_access(settings(), "models", KEYS | {"HOME": str(tmp_path)})

    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / file).touch()

    assert plain_access(settings(), "models", KEYS | {"HOME": str(tmp_path)}) is None


@pytest.fixture(scope="module")
def wire(seaweedfs: Server) -> Iterator[tuple[Proxy, Server]]:
    with proxied(seaweedfs) as proxy_and_address:
        yield proxy_and_address


@pytest.fixture
def light(wire: tuple[Proxy, Server], tmp_path: Path) -> ObjectStore:
    """A store behind the proxy that holds one object."""
    proxy, address = wire
    proxy.reset()
    store = open_store(address.settings(tmp_path, s3_timeout_s=1))
    store.put("a", b"body")
    proxy.reset()
    return store


PASSING = [
    Fault.LOST,
    Fault.UNANSWERED,
    Fault.TIMED_OUT,
    Fault.TRUNCATED,
    Fault.REFUSED_409,
    Fault.REFUSED_412,
    Fault.FAILED_500,
    Fault.FAILED_503,
]
EACH_FAULT = pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)


@EACH_FAULT
def test_what_passes_is_survived(
    light: ObjectStore, wire: tuple[Proxy, Server], fault: Fault
) -> None:
    proxy, _ = wire
    proxy.reset(lambda number: fault if number < 2 else Fault.NONE)

    assert light.get("a").body == b"body"
    assert [request.method for request in proxy.requests] == ["GET"] * 3


@EACH_FAULT
def test_what_does_not_pass_is_a_store_that_is_away(
    light: ObjectStore, wire: tuple[Proxy, Server], fault: Fault
) -> None:
    proxy, _ = wire
    proxy.reset(lambda _: fault)

    with pytest.raises(StoreUnavailableError, match="s3://models/"):
        light.get("a")
    proxy.reset()
    assert light.get("a").body == b"body"


def test_requests_share_a_connection(light: ObjectStore, wire: tuple[Proxy, Server]) -> None:
    proxy, _ = wire
    etag = light.get("a").etag

    light.get_if_changed("a", etag)
    with pytest.raises(NotFoundError, match="there is no b in s3://models/"):
        light.get("b")
    light.get("a")

    assert proxy.answers == [200, 304, 404, 200]
    assert len({request.client for request in proxy.requests}) == 1


def test_threads_read_at_the_same_time(light: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as readers:
        bodies = list(readers.map(lambda _: light.read("a"), range(64)))

    assert bodies == [b"body"] * 64


def test_a_bucket_that_does_not_exist_is_named(seaweedfs: Server, tmp_path: Path) -> None:
    store = open_store(seaweedfs.settings(tmp_path, store="s3://no-such-bucket"))

    with pytest.raises(StoreUnavailableError, match="there is no bucket 'no-such-bucket'"):
        store.get("a")


def test_a_secret_that_is_wrong_is_named(seaweedfs: Server, tmp_path: Path) -> None:
    wrong = seaweedfs.settings(tmp_path, s3_secret_access_key="x")  # noqa: S106 - opens nothing

    with pytest.raises(StoreUnavailableError, match=r"forbids .* \(SignatureDoesNotMatch\)"):
        open_store(wrong).get("a")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and a server's end of TLS with it."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(signed.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    return public, server


def test_a_certificate_is_trusted_if_it_is_in_the_bundle(
    seaweedfs: Server,
    certificate: tuple[Path, ssl.SSLContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public, server = certificate
    with proxied(seaweedfs, server) as (proxy, address):
        given = address.settings(tmp_path, s3_timeout_s=1)

        with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
            open_store(given).get("a")
        assert proxy.requests == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(public))
        with pytest.raises(NotFoundError):
            open_store(given).get("a")
