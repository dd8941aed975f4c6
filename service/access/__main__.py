"""Make API keys for the service: `python -m service.access new laptop --scope predict`."""

import argparse
import fcntl
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.configuration import SettingsError
from service.access.keys import NAME, KeyEntry, describe, digest_of, new_key, parse

FILE_VARIABLE = "ZIFFER_SERVE_API_KEYS"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0: done, 2: wrong usage, or a file that cannot be used."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except SettingsError as error:
        print(f"service.access: {error}", file=sys.stderr)
        return 2
    return 0


def make_key(arguments: argparse.Namespace) -> None:
    """Make a key, print it this once, and add its hash to the file."""
    key = new_key()
    now = datetime.now(UTC).replace(microsecond=0)
    entry = KeyEntry(
        created=now,
        expires=now + timedelta(days=arguments.days) if arguments.days else None,
        scopes=frozenset(arguments.scope),
        sha256=digest_of(key).hex(),
    )
    add_entry(arguments.file, arguments.name, entry)
    print(key)
    print(f"added [{arguments.name}] to {arguments.file}; the key is shown once", file=sys.stderr)


def list_keys(arguments: argparse.Namespace) -> None:
    """Check the file and print what is in it, but for the hashes."""
    for name, entry in parse(_content(arguments.file), str(arguments.file)).items():
        expires = f"expires {entry.expires:%Y-%m-%d}" if entry.expires else "never expires"
        scopes = ",".join(sorted(entry.scopes))
        print(f"{name}\t{scopes}\tcreated {entry.created:%Y-%m-%d}\t{expires}")


def add_entry(path: Path, name: str, entry: KeyEntry) -> None:
    """Append `entry` to the file at `path`, which is made if need be.

    What is in the file stays as it is, also its owner, its mode and its comments. Raises
    SettingsError for a file that cannot be used and for a name that is taken, and changes nothing.
    """
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            content = file.read()
            if name in parse(content, str(path)):
                raise SettingsError(f"{path} has a key {name} already: delete its lines first")
            separator = "\n" if content else ""
            # One write, so that the service reads all of it or a part that is not valid.
            os.write(file.fileno(), f"{separator}{describe(name, entry)}".encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise SettingsError(f"cannot write the API keys in {path}: {error.strerror}") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read the API keys in {path}: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m service.access", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    new = commands.add_parser("new", help=make_key.__doc__, description=make_key.__doc__)
    new.add_argument(
        "name", type=_name, metavar="NAME", help="whose key this is: letters, digits, - and _"
    )
    new.add_argument(
        "--scope",
        choices=["predict", "admin"],
        action="append",
        required=True,
        help="what the key is for; admin includes predict",
    )
    new.add_argument("--days", type=_days, help="let the key expire after so many days")
    new.set_defaults(command=make_key)
    listed = commands.add_parser("list", help=list_keys.__doc__, description=list_keys.__doc__)
    listed.set_defaults(command=list_keys)
    for command in (new, listed):
        _add_file(command)
    return parser


def _add_file(command: argparse.ArgumentParser) -> None:
    default = os.environ.get(FILE_VARIABLE)
    command.add_argument(
        "--file",
        type=Path,
        default=default,
        required=not default,
        help=f"the file of API keys [{FILE_VARIABLE}]",
    )


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: use letters, digits, - and _")
    return text


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36_500:
        raise argparse.ArgumentTypeError(f"{days} days; allowed: 1 to 36500")
    return days


if __name__ == "__main__":
    sys.exit(main())
