"""A store in an S3-compatible bucket: the only module that imports boto3."""

from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from registry.errors import ConflictError, NotFoundError, StoreUnavailableError
from registry.settings import RegistrySettings
from registry.store import StoredObject

Answer = TypeVar("Answer")

# AWS answers 409 where a write is racing another, 412 where the condition is already false.
_LOST = frozenset({409, 412})


class S3Store:
    """Objects under `s3://bucket/prefix`, written with HTTP preconditions."""

    is_local = False

    def __init__(self, bucket: str, prefix: str, client: Any) -> None:  # noqa: ANN401 - untyped boto3
        """Use `prefix` (which may be empty) of `bucket` through a boto3 S3 client."""
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client = client
        self.address = f"s3://{bucket}/{self._prefix}"

    def get(self, key: str) -> StoredObject:  # noqa: D102 - ObjectStore documents the operations
        return self._read(key)

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:  # noqa: D102
        try:
            return self._read(key, IfNoneMatch=etag)
        except _NotModifiedError:
            return None

    def create(self, key: str, body: bytes) -> str:  # noqa: D102
        return self._write(key, body, f"{key} exists already", IfNoneMatch="*")

    def replace(self, key: str, body: bytes, *, etag: str) -> str:  # noqa: D102
        return self._write(key, body, f"{key} has changed since it was read", IfMatch=etag)

    def list(self, prefix: str, *, limit: int | None = None) -> list[str]:  # noqa: D102
        start = len(self._prefix)
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if limit is not None:
            request["MaxKeys"] = limit
        keys: list[str] = []
        while True:
            page = self._call(prefix, lambda: self._client.list_objects_v2(**request))
            keys += [entry["Key"][start:] for entry in page.get("Contents", ())]
            if not page.get("IsTruncated") or (limit is not None and len(keys) >= limit):
                return keys[:limit]
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _read(self, key: str, **condition: str) -> StoredObject:
        def request() -> StoredObject:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + key, **condition
            )
            return StoredObject(answer["Body"].read(), answer["ETag"])

        return self._call(key, request)

    def _write(self, key: str, body: bytes, conflict: str, **condition: str) -> str:
        def request() -> str:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=body, **condition
            )
            return str(answer["ETag"])

        try:
            return self._call(key, request)
        except ConflictError:
            return self._etag_if_ours(key, body, conflict)

    def _etag_if_ours(self, key: str, body: bytes, conflict: str) -> str:
        """Tell a lost race from a write that went through and whose answer was lost.

        botocore repeats a request that timed out; the repetition then meets its own object.
        """
        try:
            stored = self._read(key)
        except NotFoundError:
            raise ConflictError(conflict) from None
        if stored.body != body:
            raise ConflictError(conflict)
        return stored.etag

    def _call(self, key: str, request: Callable[[], Answer]) -> Answer:
        try:
            return request()
        except ClientError as error:
            raise self._translated(key, error) from error
        except BotoCoreError as error:
            raise StoreUnavailableError(f"cannot reach {self.address}: {error}") from error

    def _translated(self, key: str, error: ClientError) -> Exception:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        if status == 304:
            return _NotModifiedError()
        if status in _LOST:
            return ConflictError(key)
        if code == "NoSuchBucket":
            return StoreUnavailableError(
                f"there is no bucket {self._bucket!r}: make it, or correct the address"
            )
        if status == 404:
            return NotFoundError(f"there is no {key} in {self.address}")
        return StoreUnavailableError(f"{self.address} refuses {key}: {error}")


class _NotModifiedError(Exception):
    """The object still has the ETag that the request named."""


def connect(settings: RegistrySettings, bucket: str, prefix: str) -> S3Store:
    """A store on `bucket`, with credentials from where boto3 finds them."""
    addressing = "path" if settings.s3_path_style else "auto"
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name=settings.s3_region,
        config=Config(
            connect_timeout=settings.s3_timeout_s,
            read_timeout=settings.s3_timeout_s,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": addressing},
        ),
    )
    return S3Store(bucket, prefix, client)
