"""API keys as their file keeps them: a table for each, with its SHA-256 and never the key.

    [laptop]
    created = 2026-11-24T18:00:00Z
    expires = 2027-11-24T18:00:00Z
    scopes = ["predict"]
    sha256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

A key is 256 random bits, which nobody finds from their hash by trying, so a plain SHA-256 keeps it
safe at rest. Slow and salted hashes are for secrets with less than 112 bits (NIST SP 800-63B,
5.1.2.2), and would cost every request milliseconds.
"""

import hashlib
import re
import secrets
import tomllib
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from registry.configuration import SettingsError

Scope = Literal["predict", "admin"]

# Whoever finds a key in a repository or a log, person or program, sees whose it is.
_PREFIX = "ziffer_"


class KeyEntry(BaseModel):
    """What the file says of one key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    created: AwareDatetime
    expires: AwareDatetime | None = None
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


# What TOML takes without quotes.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

_FILE = TypeAdapter(dict[Annotated[str, Field(pattern=f"^{NAME.pattern}$")], KeyEntry])


def new_key() -> str:
    """A key that nobody has yet."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """What the file keeps of `key`, as 32 bytes."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def parse(content: bytes, source: str) -> dict[str, KeyEntry]:
    """The keys in `content` by their names; raises SettingsError, a line for each thing wrong.

    No value is repeated in an error: somebody may have written the key itself there.
    """
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{source} is not valid TOML: {error}") from None
    try:
        entries = _FILE.validate_python(document)
    except ValidationError as error:
        lines = [f"{source}: {_place(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    _refuse_twins(entries, source)
    return entries


def describe(name: str, entry: KeyEntry) -> str:
    """The lines of the file for `entry`.

    The hash comes last, so that the beginning of an entry is never an entry.
    """
    scopes = ", ".join(f'"{scope}"' for scope in sorted(entry.scopes))
    lines = [f"[{name}]", f"created = {_time(entry.created)}"]
    if entry.expires is not None:
        lines.append(f"expires = {_time(entry.expires)}")
    return "\n".join([*lines, f"scopes = [{scopes}]", f'sha256 = "{entry.sha256}"', ""])


def _place(path: tuple[int | str, ...]) -> str:
    name, *rest = (str(part) for part in path)
    return " ".join([f"[{name}]", *(part for part in rest if part != "[key]")])


def _refuse_twins(entries: dict[str, KeyEntry], source: str) -> None:
    names: dict[str, str] = {}
    for name, entry in entries.items():
        if twin := names.get(entry.sha256):
            raise SettingsError(
                f"{source}: [{twin}] and [{name}] have the same sha256: remove one of them"
            )
        names[entry.sha256] = name


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
