"""Where things are in the store.

    blobs/sha256/ab/abcd…                  the bytes of a file, under their own digest
    models/NAME/versions/INVERTED.json     the card of one version
    models/NAME/log/ALIAS/SEQUENCE.json    one move of an alias: the log is the truth
    models/NAME/aliases/ALIAS.json         a copy of the log's newest entry: what readers read

Version numbers are inverted (9999999999 - n), so that a listing of one key finds the newest of any
number of versions. Every key is written once, but for aliases/, which has a prefix of its own so
that a bucket policy can say who may move which alias.
"""

import re

from registry.errors import InvalidNameError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LAST_VERSION = 9_999_999_999


def check_name(kind: str, name: str) -> str:
    """Return `name`; raises InvalidNameError where it cannot be a model's or an alias's."""
    if not _NAME.fullmatch(name) or name.isdigit():
        raise InvalidNameError(
            f"{kind} {name!r} is not a name: use 1 to 63 of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit and not digits alone"
        )
    return name


def blob(digest: str) -> str:
    """Key of the bytes whose SHA-256 is `digest`."""
    return f"blobs/sha256/{digest[:2]}/{digest}"


def versions(model: str) -> str:
    """Prefix of the cards of `model`, newest first."""
    return f"models/{check_name('model', model)}/versions/"


def card(model: str, version: int) -> str:
    """Key of the card of one version."""
    return f"{versions(model)}{_LAST_VERSION - version:010d}.json"


def version_of(card_key: str) -> int:
    """The version number in a key that `card` made."""
    return _LAST_VERSION - int(card_key.rpartition("/")[2].removesuffix(".json"))


def aliases(model: str) -> str:
    """Prefix of the pointers of `model`."""
    return f"models/{check_name('model', model)}/aliases/"


def pointer(model: str, alias: str) -> str:
    """Key of the copy of the newest log entry of one alias."""
    return f"{aliases(model)}{check_name('alias', alias)}.json"


def log_entry(model: str, alias: str, sequence: int) -> str:
    """Key of the `sequence`-th move (from 1) of one alias."""
    return (
        f"models/{check_name('model', model)}/log/{check_name('alias', alias)}/{sequence:010d}.json"
    )
