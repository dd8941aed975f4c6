"""`python -m registry`: publish and find versions, move aliases, keep the store sound."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from registry import commands, upkeep
from registry.configuration import SettingsError, add_flags, resolve
from registry.errors import (
    ConflictError,
    IntegrityError,
    InUseError,
    InvalidNameError,
    NotFoundError,
    RefusedError,
    RegistryError,
    UntrustedError,
)
from registry.output import finish_output
from registry.report import (
    EXIT_CONFLICT,
    EXIT_DAMAGED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_FOUND,
    EXIT_REFUSED,
    EXIT_USAGE,
    Call,
    Report,
)
from registry.settings import RegistrySettings, open_registry

EPILOG = """exit status:
  0  done
  1  failed: the store is away, or refuses
  2  wrong usage, or a setting that cannot be
  3  conflict: somebody else was first, read again
  4  no such model, version or alias
  5  damaged: stored bytes are not what was written, or a check has findings
  6  refused: by the promotion gate, for want of a signature, or because it is in use
"""

_STATUS: dict[type[RegistryError], int] = {
    InvalidNameError: EXIT_USAGE,
    ConflictError: EXIT_CONFLICT,
    NotFoundError: EXIT_NOT_FOUND,
    IntegrityError: EXIT_DAMAGED,
    RefusedError: EXIT_REFUSED,
    UntrustedError: EXIT_REFUSED,
    InUseError: EXIT_REFUSED,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, which --help lists."""
    arguments = _parser().parse_args(argv)
    try:
        settings = resolve(RegistrySettings, vars(arguments), os.environ)
        registry = open_registry(settings)
        answer: Report | Iterator[Report] = arguments.command(Call(registry, settings, arguments))
        return _print(answer, as_json=arguments.json)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE, as_json=arguments.json)
    except RegistryError as error:
        status = next((_STATUS[kind] for kind in _STATUS if isinstance(error, kind)), EXIT_FAILED)
        return _fail(error, status, as_json=arguments.json)
    except KeyboardInterrupt:
        return EXIT_DONE
    except OSError as error:  # Of standard output: the registry's own are RegistryErrors.
        finish_output()
        if isinstance(error, BrokenPipeError):
            return EXIT_DONE
        print(f"registry: cannot write what it found: {error}", file=sys.stderr)
        return EXIT_FAILED


def _print(answer: Report | Iterator[Report], *, as_json: bool) -> int:
    status = EXIT_DONE
    for report in [answer] if isinstance(answer, Report) else answer:
        said = json.dumps(report.document) if as_json else report.text
        if said:
            print(said, flush=True)
        status = report.status
    return status


def _fail(error: Exception, status: int, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
    print(f"registry: {error}", file=sys.stderr)
    return status


class _Commands:
    """The list of commands, each of which takes all settings and --json."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        self, name: str, command: Callable[[Call], Report | Iterator[Report]]
    ) -> argparse.ArgumentParser:
        parser = self._commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        parser.set_defaults(command=command)
        add_flags(parser, RegistrySettings)
        return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    listed = _Commands(parser)
    _add_version_commands(listed)
    _add_alias_commands(listed)
    _add_upkeep_commands(listed)
    return parser


def _add_version_commands(listed: _Commands) -> None:
    publish = listed.add("publish", commands.publish)
    publish.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="or a directory: all that is in it"
    )
    publish.add_argument("--card", type=Path, required=True, help="JSON: a registry.card.DraftCard")
    publish.add_argument("--publish-id", help="makes repeating the command harmless")
    listed.add("list", commands.list_versions)
    _add_reference(listed.add("show", commands.show))
    diff = listed.add("diff", commands.diff)
    diff.add_argument("left", help="a version number or an alias")
    diff.add_argument("right", help="a version number or an alias")
    search = listed.add("search", commands.find)
    search.add_argument("conditions", nargs="*", metavar="CONDITION")
    note = listed.add("note", commands.note)
    _add_reference(note)
    note.add_argument("--tag", type=commands.tag, action="append", default=[], metavar="NAME=VALUE")
    note.add_argument(
        "--metric", type=commands.metric, action="append", default=[], metavar="NAME=NUMBER"
    )
    note.add_argument("--text", default="", help="a remark")


def _add_alias_commands(listed: _Commands) -> None:
    promote = listed.add("promote", commands.promote)
    promote.add_argument("version", type=int)
    promote.add_argument("--force", action="store_true", help="overrule the gate; wants --reason")
    rollback = listed.add("rollback", commands.rollback)
    for command in (promote, rollback):
        command.add_argument("--reason", default="", help="why, for the log")
        command.add_argument(
            "--expect",
            type=commands.expectation,
            nargs=1,
            metavar="VERSION",
            help="refuse unless the alias names this version now (none: is not set)",
        )
    log = listed.add("log", commands.log)
    log.add_argument("--limit", type=int, help="so many moves, the newest")
    log.add_argument("--verify", action="store_true", help="check the chain of the moves")
    log.add_argument(
        "--anchor", type=commands.anchor, help="what --verify printed once and must still hold"
    )
    log.add_argument("--as-of", type=commands.moment, help="the move in force at this time")
    log.add_argument("--refusals", action="store_true", help="what the promotion gate refused")
    watch = listed.add("watch", commands.watch)
    watch.add_argument("--interval", type=float, default=10, help="seconds; default: 10")


def _add_upkeep_commands(listed: _Commands) -> None:
    _add_reference(listed.add("verify", upkeep.verify))
    _add_reference(listed.add("reproduce", upkeep.reproduce))
    gc = listed.add("gc", upkeep.gc)
    gc.add_argument("--apply", action="store_true", help="do it; without it: a dry run")
    gc.add_argument("--grace-days", type=float, default=7, help="leave younger bytes alone")
    gc.add_argument("--hold-hours", type=float, default=24, help="keep what was set aside so long")
    gc.add_argument("--retention-days", type=float, default=365, help="keep what the logs named")
    doctor = listed.add("doctor", upkeep.doctor)
    doctor.add_argument("--repair", action="store_true", help="finish moves whose writer died")
    doctor.add_argument("--deep", action="store_true", help="read every byte")
    delete = listed.add("delete", upkeep.delete)
    delete.add_argument("version", type=int)
    delete.add_argument("--apply", action="store_true", help="do it; without it: a dry run")
    delete.add_argument("--reason", default="", help="why; kept in the place of the card")
    fetch = listed.add("fetch", upkeep.fetch)
    fetch.add_argument("file", help="its name in the version, such as report.html")
    _add_reference(fetch)
    fetch.add_argument("--output", type=Path, metavar="PATH", help="where to; must not exist")
    export = listed.add("export", upkeep.export)
    export.add_argument("path", type=Path)
    _add_reference(export)
    listed.add("import", upkeep.import_).add_argument("path", type=Path)
    _add_reference(listed.add("sign", upkeep.sign))
    listed.add("keygen", upkeep.keygen).add_argument("path", type=Path)


def _add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "reference", nargs="?", help="a version number or an alias; default: --alias"
    )


if __name__ == "__main__":
    sys.exit(main())
