"""Read objects of a bucket with nothing but the standard library: boto3 takes long to import."""

import random
import re
import select
import ssl
import time
import weakref
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from registry.aws_signature import signed_headers
from registry.errors import NotFoundError, StoreUnavailableError
from registry.s3_access import Access, host_of
from registry.store import StoredObject

_ATTEMPTS = 3

# Another attempt may fare better: the server is busy with the object, overloaded or in trouble.
_PASSING = frozenset({409, 412, 429, 500, 502, 503, 504})
_OVERLOADED = frozenset({429, 503})

_CODE = re.compile(rb"<Code>(\w+)</Code>")


class UnclearError(Exception):
    """The server answers something that boto3 may know what to do with: a redirect, a refusal."""


class _Answer(NamedTuple):
    status: int
    etag: str
    body: bytes

    @property
    def code(self) -> str:
        """What kind of error it is, in S3's words."""
        code = _CODE.search(self.body)
        return code[1].decode() if code else ""


class S3Reader:
    """Gets objects of one bucket; safe to use from several threads.

    It repeats what fails in passing as boto3 does in its standard mode: twice, after pauses that
    are random and grow, and are longer where the server is overloaded.
    """

    def __init__(self, access: Access, address: str, prefix: str, *, timeout_s: float) -> None:
        """Read below `prefix` of the bucket, which errors call `address`.

        To connect, and to wait for the next bytes, takes at most `timeout_s` each.
        """
        self._access = access
        self._address = address
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._url = urlsplit(access.bucket_url)
        self._tls = _tls(access) if self._url.scheme == "https" else None
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def get(self, key: str) -> StoredObject:
        """The object at `key`.

        Raises NotFoundError, StoreUnavailableError, and UnclearError where boto3 should be asked.
        """
        return self._stored(key, self._answer(key, {}))

    def get_if_changed(self, key: str, etag: str) -> StoredObject | None:
        """The object at `key`, or None while its ETag is still `etag`; raises as `get`."""
        answer = self._answer(key, {"If-None-Match": etag})
        if answer.status == 304:
            return None
        # Not every server knows the condition.
        stored = self._stored(key, answer)
        return None if stored.etag == etag else stored

    def get_range(self, key: str, start: int, size_bytes: int) -> bytes:
        """So many bytes from `start` on, as far as there are; raises as `get`."""
        answer = self._answer(key, {"Range": f"bytes={start}-{start + size_bytes - 1}"})
        if answer.status == 416:
            return b""
        if answer.status == 206:
            return answer.body
        return self._stored(key, answer).body[start : start + size_bytes]

    def _stored(self, key: str, answer: _Answer) -> StoredObject:
        if answer.status == 200 and answer.etag:
            return StoredObject(answer.body, answer.etag)
        if answer.status == 404 and answer.code != "NoSuchBucket":
            raise NotFoundError(f"there is no {key} in {self._address}")
        raise UnclearError(f"{self._address} answers {answer.status} {answer.code} for {key}")

    def _answer(self, key: str, condition: dict[str, str]) -> _Answer:
        """The first answer that another attempt would not change."""
        failure, longest_s = "", 0.0
        for attempt in range(_ATTEMPTS):
            time.sleep(_jitter_s(longest_s, attempt))
            try:
                answer = self._ask(key, condition)
            except ssl.SSLCertVerificationError as error:
                # boto3 brings certificates of its own.
                raise UnclearError(str(error)) from None
            except (OSError, HTTPException) as error:
                failure = f"cannot reach {self._address}: {self._access.endpoint_url}: {error}"
                longest_s = 0.05
            else:
                if answer.status not in _PASSING:
                    return answer
                failure = f"{self._address} fails at {key}: {answer.status} {answer.code}"
                longest_s = 1 if answer.status in _OVERLOADED else 0.05
        raise StoreUnavailableError(failure)

    def _ask(self, key: str, condition: dict[str, str]) -> _Answer:
        path = f"{self._url.path}/{quote(self._prefix + key)}"
        headers = {"Host": host_of(self._url), **condition}
        connection = self._connection()
        try:
            connection.request(
                "GET",
                path,
                headers=signed_headers(
                    self._access.credentials, self._access.region, path, headers, datetime.now(UTC)
                ),
            )
            response = connection.getresponse()
            answer = _Answer(response.status, response.getheader("ETag", ""), response.read())
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _connection(self) -> HTTPConnection:
        """A connection that is free and was not closed by the server meanwhile, or a new one."""
        with suppress(IndexError):
            connection = self._idle.pop()
            if connection.sock and _has_news(connection):
                connection.close()  # The next request opens it again.
            return connection
        host, port = self._url.hostname or "", self._url.port
        if self._tls:
            return HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        return HTTPConnection(host, port, timeout=self._timeout_s)


def _jitter_s(longest_s: float, attempt: int) -> float:
    return random.uniform(0, longest_s * 2 ** (attempt - 1))  # noqa: S311 - no secret


def _tls(access: Access) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=access.ca_bundle)


def _has_news(connection: HTTPConnection) -> bool:
    """Whether anything came though nothing was asked: that is the end of the connection."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(connections: deque[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
