"""The keys in force: found by what a client presents, and read again when their file changes."""

import hmac
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from registry.configuration import SettingsError
from service.access.keys import KeyEntry, Scope, digest_of, parse

_CHECK_INTERVAL_S = 1.0

# Enough of a digest to tell the keys of one file apart.
_INDEX_BYTES = 8


class Key(NamedTuple):
    """A key as requests need it."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]
    expires_at: float
    """Seconds since 1970; infinity: never."""


class KeyRing:
    """The keys of one file. A file that is damaged or gone changes nothing, and is reported."""

    def __init__(
        self,
        path: Path,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file at `path`; raises SettingsError where it cannot be used.

        `report` gets a line whenever the file changes. `clock` counts seconds.
        """
        self._path = path
        self._report = report
        self._clock = clock
        try:
            self._content = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"cannot read the API keys in {path}: {error.strerror}") from None
        self._keys = _indexed(parse(self._content, str(path)))
        self._trouble = ""
        self._check_at = clock() + _CHECK_INTERVAL_S

    def find(self, presented: str) -> Key | None:
        """The key whose text was `presented`; None where there is none.

        Takes the same time for every wrong key as far as it matters: what is looked up is a
        digest, which nobody can steer towards that of a key without knowing the key. The index
        tells at most that the first bytes of two digests are equal; the rest is compared in
        constant time.
        """
        now = self._clock()
        if now >= self._check_at:
            self._check_at = now + _CHECK_INTERVAL_S
            self._read_again()
        digest = digest_of(presented)
        key = self._keys.get(digest[:_INDEX_BYTES])
        return key if key is not None and hmac.compare_digest(key.digest, digest) else None

    def _read_again(self) -> None:
        """Take over what the file says now.

        Its bytes are compared, not its time: two writes in one tick of the clock have the same.
        """
        try:
            content = self._path.read_bytes()
        except OSError as error:
            self._stay(f"cannot read the API keys in {self._path}: {error.strerror}")
            return
        if content == self._content and not self._trouble:
            return
        try:
            keys = _indexed(parse(content, str(self._path)))
        except SettingsError as error:
            self._stay(str(error))
            return
        self._keys, self._content, self._trouble = keys, content, ""
        self._report(f"{self._path} was read again: {len(keys)} API keys")

    def _stay(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._report(f"the API keys stay as they were: {trouble}")


def _indexed(entries: dict[str, KeyEntry]) -> dict[bytes, Key]:
    keys = (_key(name, entry) for name, entry in entries.items())
    return {key.digest[:_INDEX_BYTES]: key for key in keys}


def _key(name: str, entry: KeyEntry) -> Key:
    expires_at = math.inf if entry.expires is None else entry.expires.timestamp()
    return Key(name, bytes.fromhex(entry.sha256), entry.scopes, expires_at)
