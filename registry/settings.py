"""Where the registry is, and which model of it is meant."""

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

from registry import keys
from registry.cache import BlobCache
from registry.catalog import Registry
from registry.configuration import Settings, setting
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


def _store_address(address: str) -> str:
    scheme = re.match(r"([a-z0-9+.-]+)://", address, re.IGNORECASE)
    if scheme and scheme[1].lower() not in {"file", "s3"}:
        raise ValueError(
            f"{scheme[1]}:// is no kind of store: use s3://bucket/prefix, file:///path or a path"
        )
    if scheme and scheme[1].lower() == "s3" and not urlsplit(address).netloc:
        raise ValueError("an s3:// address needs a bucket: s3://bucket/prefix")
    return address


def user_cache_directory() -> Path:
    """Where this user's caches go (XDG Base Directory Specification 0.8)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ziffer"


class RegistrySettings(Settings):
    """The settings that every program shares."""

    store: Annotated[str, AfterValidator(_store_address)] = setting(
        "var/registry", "where the registry is: s3://bucket/prefix, file:///path or a path"
    )
    model: Annotated[str, AfterValidator(_model_name)] = setting("digits", "name of the model")
    alias: Annotated[str, AfterValidator(_alias_name)] = setting(
        "production", "alias that training promotes and the service follows"
    )
    cache_dir: Path | None = setting(
        None, "where files fetched from S3 are kept; unset: ziffer/registry in the user's cache"
    )
    s3_endpoint_url: str | None = setting(None, "address of an S3-compatible server; unset: AWS")
    s3_region: str | None = setting(None, "region of the bucket; unset: as boto3 finds it")
    s3_path_style: bool = setting(
        False, "address buckets by path, as many S3-compatible servers need"
    )
    s3_timeout_s: float = setting(10, "seconds until a request to S3 is given up", gt=0, le=600)


def open_registry(settings: RegistrySettings) -> Registry:
    """The registry that the settings name; nothing is read or written yet."""
    store = open_store(settings)
    if store.is_local:
        return Registry(store)
    return Registry(store, BlobCache(settings.cache_dir or user_cache_directory() / "registry"))


def open_store(settings: RegistrySettings) -> ObjectStore:
    """The store that the settings name."""
    address = urlsplit(settings.store)
    if address.scheme == "s3":
        # Imported here: boto3 takes longer to import than a local registry takes to answer.
        from registry import s3

        return s3.connect(settings, address.netloc, address.path)
    if address.scheme == "file":
        return LocalStore(Path(unquote(address.netloc + address.path)))
    return LocalStore(Path(settings.store))
