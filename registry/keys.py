"""Where things are in the store.

    blobs/sha256/ab/abcd…                     the bytes of a file, under their own digest
    trash/sha256/ab/abcd…/RUN                 bytes set aside by one run of the garbage collector
    models/NAME/versions/INVERTED.json        the card of one version
    models/NAME/notes/INVERTED/ID.json        tags, metrics and remarks added later
    models/NAME/signatures/INVERTED/KEY.json  a signature added later
    models/NAME/log/ALIAS/INVERTED.json       one move of an alias: the log is the truth
    models/NAME/refusals/ALIAS/ID.json        one move that the promotion gate refused
    models/NAME/aliases/ALIAS.json            a copy of the log's newest entry: what readers read
    gc/RUN.json                               what one run of the garbage collector set out to do
    .probe/…                                  short-lived: does the store honour preconditions?

Version and sequence numbers are inverted (9999999999 - n), so that a listing of one key finds the
newest of any number. Every key is written once, but for aliases/, for blobs/ (where writing again
is writing the same) and for the card of a version that is deleted. Each alias has prefixes of its
own, so that a bucket policy can say who may move which alias.
"""

import re

from registry.errors import InvalidNameError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LAST = 9_999_999_999

BLOBS = "blobs/sha256/"
TRASH = "trash/sha256/"
MODELS = "models/"
RUNS = "gc/"
PROBES = ".probe/"


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
    return f"{BLOBS}{digest[:2]}/{digest}"


def set_aside(digest: str) -> str:
    """Prefix of the copies of a blob that the garbage collector set aside."""
    return f"{TRASH}{digest[:2]}/{digest}/"


def digest_of(key: str) -> str:
    """The digest in a key that `blob` made, or under a prefix that `set_aside` made."""
    return key.split("/")[3]


def model(name: str) -> str:
    """Prefix of everything about one model."""
    return f"{MODELS}{check_name('model', name)}/"


def versions(name: str) -> str:
    """Prefix of the cards of a model, newest first."""
    return f"{model(name)}versions/"


def card(name: str, version: int) -> str:
    """Key of the card of one version."""
    return f"{versions(name)}{_inverted(version)}.json"


def number_of(key: str) -> int:
    """The version or sequence number in a key that `card` or `log_entry` made."""
    return _LAST - int(key.rpartition("/")[2].removesuffix(".json"))


def notes(name: str, version: int) -> str:
    """Prefix of what was added to one version later, oldest first."""
    return f"{model(name)}notes/{_inverted(version)}/"


def signatures(name: str, version: int) -> str:
    """Prefix of the signatures added to one version later."""
    return f"{model(name)}signatures/{_inverted(version)}/"


def aliases(name: str) -> str:
    """Prefix of the pointers of a model."""
    return f"{model(name)}aliases/"


def pointer(name: str, alias: str) -> str:
    """Key of the copy of the newest log entry of one alias."""
    return f"{aliases(name)}{check_name('alias', alias)}.json"


def log(name: str, alias: str) -> str:
    """Prefix of the moves of one alias, newest first."""
    return f"{model(name)}log/{check_name('alias', alias)}/"


def logs(name: str) -> str:
    """Prefix of the moves of all aliases of a model."""
    return f"{model(name)}log/"


def log_entry(name: str, alias: str, sequence: int) -> str:
    """Key of the `sequence`-th move (from 1) of one alias."""
    return f"{log(name, alias)}{_inverted(sequence)}.json"


def refusals(name: str, alias: str) -> str:
    """Prefix of the moves of one alias that were refused, oldest first."""
    return f"{model(name)}refusals/{check_name('alias', alias)}/"


def _inverted(number: int) -> str:
    return f"{_LAST - number:010d}"
