"""`python -m registry`: look into the registry and move its aliases."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from registry.card import ModelCard
from registry.catalog import Registry
from registry.configuration import SettingsError, add_flags, resolve
from registry.errors import NotFoundError, RegistryError
from registry.settings import RegistrySettings, open_registry

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0: done, 1: failed, 2: wrong usage, 4: no such model, version or alias."""
    arguments = _parser().parse_args(argv)
    try:
        settings = resolve(RegistrySettings, vars(arguments), os.environ)
        arguments.command(open_registry(settings), settings, arguments)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except NotFoundError as error:
        return _fail(error, EXIT_NOT_FOUND)
    except RegistryError as error:
        return _fail(error, EXIT_FAILED)
    return 0


def list_versions(registry: Registry, settings: RegistrySettings, _: argparse.Namespace) -> None:
    """Print the versions of the model, newest first, with their aliases."""
    names = registry.aliases(settings.model)
    for version in registry.versions(settings.model):
        card = registry.card(settings.model, version)
        aliases = " ".join(alias for alias, target in names.items() if target == version)
        print(f"{_summary(card)}  {aliases}".rstrip())


def show(registry: Registry, settings: RegistrySettings, arguments: argparse.Namespace) -> None:
    """Print the card of one version as JSON."""
    card = _find(registry, settings, arguments.reference)
    print(json.dumps(card.model_dump(mode="json"), indent=2))


def promote(registry: Registry, settings: RegistrySettings, arguments: argparse.Namespace) -> None:
    """Let the alias name a version."""
    card = registry.card(settings.model, arguments.version)
    move = registry.promote(card, settings.alias, reason=arguments.reason)
    print(f"{card.name}@{move.alias} is version {card.version} since {move.at.isoformat()}")


def _find(registry: Registry, settings: RegistrySettings, reference: str | None) -> ModelCard:
    if reference and reference.isdigit():
        return registry.card(settings.model, int(reference))
    return registry.resolve(settings.model, reference or settings.alias).card


def _summary(card: ModelCard) -> str:
    metrics = "  ".join(f"{name} {value:.4f}" for name, value in card.metrics.items())
    return f"{card.name} version {card.version}  {card.created_at.isoformat()}  {metrics}"


def _fail(error: Exception, status: int) -> int:
    print(f"registry: {error}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry", description=__doc__, allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help=list_versions.__doc__)
    listing.set_defaults(command=list_versions)

    showing = commands.add_parser("show", help=show.__doc__)
    showing.add_argument(
        "reference", nargs="?", help="a version number or an alias; default: --alias"
    )
    showing.set_defaults(command=show)

    promotion = commands.add_parser("promote", help=promote.__doc__)
    promotion.add_argument("version", type=int)
    promotion.add_argument("--reason", default="", help="why, for the alias's log")
    promotion.set_defaults(command=promote)

    for command in commands.choices.values():
        add_flags(command, RegistrySettings)
    return parser


if __name__ == "__main__":
    sys.exit(main())
