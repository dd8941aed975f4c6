"""A store in an S3-compatible bucket: the only module that imports boto3."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from registry import probe
from registry.errors import ConflictError, NotFoundError, StoreUnavailableError
from registry.settings import RegistrySettings
from registry.store import Guarantee, ListedObject, StoredObject

Answer = TypeVar("Answer")

# AWS answers 409 where a write is racing another, 412 where the condition is already false.
_LOST = frozenset({409, 412})

# Signatures hold for minutes, and tokens from one moment to another.
_CLOCKS_DIFFER = frozenset({"RequestExpired", "RequestTimeTooSkewed"})

_ATTEMPTS = 5


class S3Store:
    """Objects under `s3://bucket/prefix`, written with HTTP preconditions."""

    is_local = False

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 ships no types
        bucket: str,
        prefix: str = "",
        *,
        write_options: dict[str, str] | None = None,
        memory: Path | None = None,
    ) -> None:
        """Use `prefix` of `bucket` through a boto3 S3 client.

        `write_options` go along with every PutObject; the probe's verdict is kept in `memory`.
        """
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client = client
        self._write_options = write_options or {}
        self._memory = memory
        self._guarantee: Guarantee | None = None
        self.address = f"s3://{bucket}/{self._prefix}"
        self.identity = f"{client.meta.endpoint_url} {self.address}"
        self._server = f"{client.meta.endpoint_url} {bucket}"

    def guarantee(self) -> Guarantee:  # noqa: D102 - ObjectStore documents the operations
        if self._guarantee is None and self._memory:
            self._guarantee = probe.remembered(self._memory, self._server)
        if self._guarantee is None:
            self._guarantee = probe.probe(self)
            if self._memory:
                probe.remember(self._memory, self._server, self._guarantee)
        return self._guarantee

    def get(self, key: str) -> StoredObject:  # noqa: D102
        return self._read(key)

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:  # noqa: D102
        try:
            stored = self._read(key, IfNoneMatch=etag)
        except _NotModifiedError:
            return None
        return None if stored.etag == etag else stored

    def read(self, key: str) -> bytes:  # noqa: D102
        return self._read(key).body

    def read_range(self, key: str, start: int, size_bytes: int) -> bytes:  # noqa: D102
        try:
            stored = self._read(key, Range=f"bytes={start}-{start + size_bytes - 1}")
        except _BeyondTheEndError:
            return b""
        return stored.body

    def put(self, key: str, body: bytes) -> None:  # noqa: D102
        self._call(key, lambda: self._put(key, body))

    def create(self, key: str, body: bytes) -> str:  # noqa: D102
        if self._guarantee is Guarantee.NONE:
            present = self._present(key)
            if present:
                return _same_or_conflict(key, present, body)
        return self._write(key, body, None)

    def replace(self, key: str, body: bytes, *, etag: str) -> str:  # noqa: D102
        if self._guarantee in {Guarantee.NONE, Guarantee.CREATE_ONLY}:
            present = self._present(key)
            if present is None or present.etag != etag:
                return _same_or_conflict(key, present, body)
        return self._write(key, body, etag)

    def delete(self, key: str) -> None:  # noqa: D102
        self._call(key, lambda: self._client.delete_object(**self._object(key)))

    def listing(self, prefix: str, *, limit: int | None = None) -> list[ListedObject]:  # noqa: D102
        found: list[ListedObject] = []
        for page in self._pages(prefix, {} if limit is None else {"MaxKeys": limit}):
            found += [self._listed(entry) for entry in page.get("Contents", ())]
            if limit is not None and len(found) >= limit:
                break
        return found[:limit]

    def folders(self, prefix: str) -> list[str]:  # noqa: D102
        start = len(self._prefix + prefix)
        return [
            entry["Prefix"][start:-1]
            for page in self._pages(prefix, {"Delimiter": "/"})
            for entry in page.get("CommonPrefixes", ())
        ]

    def unfinished(self) -> list[ListedObject]:  # noqa: D102
        return []  # A PUT is all or nothing.

    def _pages(self, prefix: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - boto3's answers
        request = {"Bucket": self._bucket, "Prefix": self._prefix + prefix} | options
        while True:
            page = self._call(prefix, lambda: self._client.list_objects_v2(**request))
            yield page
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _listed(self, entry: Any) -> ListedObject:  # noqa: ANN401 - boto3's answers
        key = entry["Key"][len(self._prefix) :]
        return ListedObject(key, entry["Size"], entry["LastModified"])

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _read(self, key: str, **condition: str) -> StoredObject:
        # botocore repeats a request, but not the reading of a body that breaks off.
        for _ in range(_ATTEMPTS):
            answer = self._call(
                key, lambda: self._client.get_object(**self._object(key), **condition)
            )
            with suppress(BotoCoreError):
                return StoredObject(answer["Body"].read(), answer["ETag"])
        raise StoreUnavailableError(f"{self.address} breaks off again and again in {key}")

    def _present(self, key: str) -> StoredObject | None:
        try:
            return self._read(key)
        except NotFoundError:
            return None

    def _put(self, key: str, body: bytes, **condition: str) -> str:
        request = {**self._object(key), **self._write_options, **condition}
        return str(self._client.put_object(**request, Body=body)["ETag"])

    def _write(self, key: str, body: bytes, etag: str | None) -> str:
        """Put on condition that the ETag is `etag`, or that nothing is there.

        A write whose answer was lost may have gone through, and when botocore repeats it, it meets
        its own object. So no refusal is believed until the object that stands in the way was seen.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        for attempt in range(_ATTEMPTS):
            try:
                return self._ask(key, lambda: self._put(key, body, **condition))
            except (_PreconditionError, _NoAnswerError, NotFoundError) as error:
                present = self._present(key)
                if (present.etag if present else None) != etag:
                    return _same_or_conflict(key, present, body)
                if isinstance(error, _NoAnswerError):
                    raise
            time.sleep(_jitter_s(attempt))
        raise StoreUnavailableError(
            f"{self.address} refuses to write {key}, though nothing stands in the way"
        )

    def _call(self, key: str, request: Callable[[], Answer]) -> Answer:
        """Ask what has no condition; a store that is busy with the key may refuse even that."""
        for attempt in range(_ATTEMPTS - 1):
            with suppress(_PreconditionError):
                return self._ask(key, request)
            time.sleep(_jitter_s(attempt))
        return self._ask(key, request)

    def _ask(self, key: str, request: Callable[[], Answer]) -> Answer:
        try:
            return request()
        except ClientError as error:
            raise self._translated(key, error) from error
        except BotoCoreError as error:
            raise _NoAnswerError(f"cannot reach {self.address}: {error}") from error

    def _translated(self, key: str, error: ClientError) -> Exception:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        if status == 304:
            return _NotModifiedError()
        if status == 416:
            return _BeyondTheEndError()
        if status in _LOST:
            return _PreconditionError(f"{self.address} refuses {key}: {error}")
        if code == "NoSuchBucket":
            return StoreUnavailableError(
                f"there is no bucket {self._bucket!r}: make it, or correct the address"
            )
        if status == 404:
            return NotFoundError(f"there is no {key} in {self.address}")
        if code in _CLOCKS_DIFFER:
            return StoreUnavailableError(
                f"{self.address} refuses {key}, as this machine's clock is off ({code}): set it "
                "right, or have it set by NTP"
            )
        if status in {401, 403}:
            return StoreUnavailableError(
                f"{self.address} forbids {key} to these credentials ({code}): "
                "correct them, or have the bucket's policy changed"
            )
        return _NoAnswerError(f"{self.address} fails at {key}: {error}")


class _NotModifiedError(Exception):
    """The object still has the ETag that the request named."""


class _BeyondTheEndError(Exception):
    """The object has no byte of the range that was asked for."""


class _PreconditionError(StoreUnavailableError):
    """The store says that the condition does not hold, or that another write is on its way."""


class _NoAnswerError(StoreUnavailableError):
    """The store did not say whether it did what it was asked."""


def _jitter_s(attempt: int) -> float:
    return random.uniform(0, 0.02 * 2**attempt)  # noqa: S311 - no secret


def _same_or_conflict(key: str, present: StoredObject | None, body: bytes) -> str:
    if present is None:
        raise ConflictError(f"{key} is gone since it was read")
    if present.body != body:
        raise ConflictError(f"{key} exists already, or has changed since it was read")
    return present.etag


def connect(settings: RegistrySettings, bucket: str, prefix: str, memory: Path) -> S3Store:
    """A store on `bucket`, which keeps the probe's verdict below `memory`."""
    options = {
        "ServerSideEncryption": settings.s3_encryption,
        "SSEKMSKeyId": settings.s3_kms_key_id,
    }
    given = {name: value for name, value in options.items() if value}
    return S3Store(client(settings), bucket, prefix, write_options=given, memory=memory)


def client(settings: RegistrySettings) -> Any:  # noqa: ANN401 - boto3 ships no types
    """A boto3 client; credentials that the settings do not give are boto3's to find."""
    secret, token = settings.s3_secret_access_key, settings.s3_session_token
    session = boto3.session.Session(
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=token.get_secret_value() if token else None,
        region_name=settings.s3_region,
    )
    config = Config(
        connect_timeout=settings.s3_timeout_s,
        read_timeout=settings.s3_timeout_s,
        retries={"mode": "standard", "max_attempts": 3},
        s3={"addressing_style": "path" if settings.s3_path_style else "auto"},
        request_checksum_calculation=settings.s3_checksums,
        response_checksum_validation=settings.s3_checksums,
    )
    return session.client("s3", endpoint_url=settings.s3_endpoint_url, config=config)
