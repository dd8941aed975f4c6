"""A store in an S3-compatible bucket that is read without boto3, as far as that goes.

Reading is all that a service does, and to import boto3 would take half as long again as its start.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from registry.s3_access import plain_access
from registry.s3_reader import S3Reader, UnclearError
from registry.settings import RegistrySettings
from registry.store import Guarantee, ListedObject, ObjectStore, StoredObject


class LightS3Store:
    """Objects in a bucket: a reader gets them, and a store with boto3 does everything else."""

    is_local = False

    def __init__(
        self, reader: S3Reader, address: str, identity: str, open_full: Callable[[], ObjectStore]
    ) -> None:
        """Read through `reader`; `open_full` is called once, when something else is asked for.

        What it returns is the same store, of the same `address` and `identity`.
        """
        self._reader: S3Reader | None = reader
        self._open_full = open_full
        self._opened: ObjectStore | None = None
        self._opening = threading.Lock()
        self.address = address
        self.identity = identity

    @property
    def _full(self) -> ObjectStore:
        with self._opening:
            if self._opened is None:
                self._opened = self._open_full()
            return self._opened

    def get(self, key: str) -> StoredObject:  # noqa: D102 - ObjectStore documents the operations
        reader = self._reader
        if reader:
            try:
                return reader.get(key)
            except UnclearError:
                self._reader = None
        return self._full.get(key)

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:  # noqa: D102
        reader = self._reader
        if reader:
            try:
                return reader.get_if_changed(key, etag)
            except UnclearError:
                self._reader = None
        return self._full.get_if_changed(key, etag)

    def read(self, key: str) -> bytes:  # noqa: D102
        return self.get(key).body

    def read_range(self, key: str, start: int, size_bytes: int) -> bytes:  # noqa: D102
        reader = self._reader
        if reader:
            try:
                return reader.get_range(key, start, size_bytes)
            except UnclearError:
                self._reader = None
        return self._full.read_range(key, start, size_bytes)

    def guarantee(self) -> Guarantee:  # noqa: D102
        return self._full.guarantee()

    def put(self, key: str, body: bytes) -> None:  # noqa: D102
        self._full.put(key, body)

    def create(self, key: str, body: bytes) -> str:  # noqa: D102
        return self._full.create(key, body)

    def replace(self, key: str, body: bytes, *, etag: str) -> str:  # noqa: D102
        return self._full.replace(key, body, etag=etag)

    def delete(self, key: str) -> None:  # noqa: D102
        self._full.delete(key)

    def listing(self, prefix: str, *, limit: int | None = None) -> list[ListedObject]:  # noqa: D102
        return self._full.listing(prefix, limit=limit)

    def folders(self, prefix: str) -> list[str]:  # noqa: D102
        return self._full.folders(prefix)

    def unfinished(self) -> list[ListedObject]:  # noqa: D102
        return self._full.unfinished()


def connect(settings: RegistrySettings, bucket: str, prefix: str, memory: Path) -> ObjectStore:
    """A store on `bucket`, without boto3 until it is needed; see `registry.s3.connect`."""

    def open_full() -> ObjectStore:
        from registry import s3

        return s3.connect(settings, bucket, prefix, memory)

    access = plain_access(settings, bucket, os.environ)
    if access is None:
        return open_full()
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    address = f"s3://{bucket}/{folder}"
    reader = S3Reader(access, address, folder, timeout_s=settings.s3_timeout_s)
    return LightS3Store(reader, address, f"{access.endpoint_url} {address}", open_full)
