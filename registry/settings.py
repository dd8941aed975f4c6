"""Where the registry is, and which model of it is meant."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, SecretStr

from registry import keys
from registry.cache import BlobCache
from registry.catalog import Registry
from registry.configuration import Settings, SettingsError, setting
from registry.errors import InvalidNameError
from registry.local import LocalStore
from registry.store import ObjectStore


def _model_name(name: str) -> str:
    return _named("model", name)


def _alias_name(name: str) -> str:
    return _named("alias", name)


def _named(kind: str, name: str) -> str:
    try:
        return keys.check_name(kind, name)
    except InvalidNameError as error:
        raise ValueError(str(error)) from None


AliasName = Annotated[str, AfterValidator(_alias_name)]


def _store_address(address: str) -> str:
    scheme = re.match(r"([a-z0-9+.-]+)://", address, re.IGNORECASE)
    if scheme and scheme[1].lower() not in {"file", "s3"}:
        raise ValueError(
            f"{scheme[1]}:// is no kind of store: use s3://bucket/prefix, file:///path or a path"
        )
    host = urlsplit(address).netloc
    if scheme and scheme[1].lower() == "s3" and not host:
        raise ValueError("an s3:// address needs a bucket: s3://bucket/prefix")
    if scheme and scheme[1].lower() == "file" and host not in {"", "localhost"}:
        raise ValueError("a file:// address needs an absolute path: file:///path")
    return address


StoreAddress = Annotated[str, AfterValidator(_store_address)]


def _http_address(address: str) -> str:
    url = urlsplit(address)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("expected an address such as https://storage.example.org:9000")
    return address


def user_cache_directory() -> Path:
    """Where this user's caches go (XDG Base Directory Specification 0.8)."""
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(given or Path.home() / ".cache") / "ziffer"
    except RuntimeError:  # Containers have users without a name and without a home.
        shared = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - see _own
        return _own(shared / f"ziffer-{os.getuid()}")


def _own(directory: Path) -> Path:
    """`directory`, whose name anybody can foresee, unless somebody else has made it."""
    with suppress(OSError):  # What cannot be made cannot be filled by others either.
        directory.mkdir(mode=0o700)
    with suppress(FileNotFoundError):
        if directory.lstat().st_uid != os.getuid() or directory.is_symlink():
            raise SettingsError(
                f"{directory} would be the cache, but it is not this user's own directory: set "
                "XDG_CACHE_HOME, or remove it"
            )
    return directory


class RegistrySettings(Settings):
    """The settings that every program shares."""

    store: StoreAddress = setting(
        "var/registry", "where the registry is: s3://bucket/prefix, file:///path or a path"
    )
    model: Annotated[str, AfterValidator(_model_name)] = setting("digits", "name of the model")
    alias: AliasName = setting("production", "alias that training promotes and the service follows")
    cache_dir: Path | None = setting(
        None, "where files fetched from S3 are kept; unset: ziffer/registry in the user's cache"
    )
    s3_endpoint_url: Annotated[str, AfterValidator(_http_address)] | None = setting(
        None, "address of an S3-compatible server; unset: AWS"
    )
    s3_region: str | None = setting(None, "region of the bucket; unset: as boto3 finds it")
    s3_path_style: bool = setting(
        False, "address buckets by path, as many S3-compatible servers need"
    )
    s3_access_key_id: str | None = setting(None, "credentials; unset: as boto3 finds them")
    s3_secret_access_key: SecretStr | None = setting(
        None, "secret of these credentials; as a flag it would show in the list of processes"
    )
    s3_session_token: SecretStr | None = setting(None, "token of temporary credentials")
    s3_checksums: Literal["when_supported", "when_required"] = setting(
        "when_supported", "when_required suits S3-compatible servers that reject CRC checksums"
    )
    s3_encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = setting(
        None, "server-side encryption to ask for; unset: the bucket's default"
    )
    s3_kms_key_id: str | None = setting(None, "KMS key for an s3_encryption of aws:kms")
    s3_timeout_s: float = setting(10, "seconds until a request to S3 is given up", gt=0, le=600)
    single_writer: bool = setting(
        False, "write even to a store that cannot keep two writers apart: you promise to be alone"
    )
    policy: Path | None = setting(
        None, "JSON file with the rules of promotion and the trusted keys; unset: the default rules"
    )
    signing_key: Path | None = setting(
        None, "PEM file with the Ed25519 key that signs what is published"
    )


def open_registry(settings: RegistrySettings) -> Registry:
    """The registry that the settings name; the store is neither read nor written yet.

    Raises InvalidNameError where the policy or the signing key cannot be used.
    """
    # Imported here: few services ask for signatures, and none of them signs.
    if settings.policy:
        from registry.policy import read_policy
    if settings.signing_key:
        from registry.signing import Signer

    store = open_store(settings)
    cache = None if store.is_local else BlobCache(_cache_directory(settings))
    return Registry(
        store,
        cache,
        policy=read_policy(settings.policy) if settings.policy else None,
        signer=Signer.read(settings.signing_key) if settings.signing_key else None,
        single_writer=settings.single_writer,
    )


def open_store(settings: RegistrySettings) -> ObjectStore:
    """The store that the settings name."""
    address = urlsplit(settings.store)
    if address.scheme == "s3":
        # Imported here: a local registry needs no HTTP.
        from registry import s3_light

        return s3_light.connect(settings, address.netloc, address.path, _cache_directory(settings))
    if address.scheme == "file":
        return LocalStore(Path(unquote(address.path)))
    return LocalStore(Path(settings.store))


def _cache_directory(settings: RegistrySettings) -> Path:
    return settings.cache_dir or user_cache_directory() / "registry"
