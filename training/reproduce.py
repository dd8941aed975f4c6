"""Train a registered version again, as its card says, and compare: `python -m registry reproduce`.

Exit status: 0 every ONNX file is the same, 1 failed, 2 wrong usage, 5 a file differs.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from registry.configuration import Settings, SettingsError, add_flags, resolve
from registry.errors import RegistryError
from registry.report import EXIT_DAMAGED, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from registry.settings import RegistrySettings, open_registry
from training.data import DataSettings
from training.errors import TrainingError
from training.mnist import DatasetError
from training.reproduction import Reproduction, reproduce
from training.settings import environment_of


class ReproductionSettings(Settings):
    """Where the version is, and where the digits are; all else is on its card."""

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    registry: RegistrySettings = Field(default_factory=RegistrySettings)
    data: DataSettings = Field(default_factory=DataSettings)


def main(argv: Sequence[str] | None = None) -> int:
    """Train once more; the result goes to standard output, all else to standard error."""
    arguments = _parser().parse_args(argv)
    try:
        environ = environment_of(ReproductionSettings, os.environ)  # The card decides the rest.
        settings = resolve(ReproductionSettings, vars(arguments), environ)
        found = run(settings, arguments.version)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE, as_json=arguments.json)
    except (DatasetError, RegistryError, TrainingError) as error:
        return _fail(error, EXIT_FAILED, as_json=arguments.json)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    document = {"is_same": found.is_same, **found.model_dump(mode="json")}
    _print(json.dumps(document) if arguments.json else "\n".join(map(str, found.files)))
    return EXIT_DONE if found.is_same else EXIT_DAMAGED


def run(settings: ReproductionSettings, version: int) -> Reproduction:
    """Train one version again."""
    registry = open_registry(settings.registry)
    card = registry.card(settings.registry.model, version)
    return reproduce(registry, card, settings.data, _report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m training.reproduce", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("version", type=int)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    add_flags(parser, ReproductionSettings)
    return parser


def _fail(error: Exception, status: int, *, as_json: bool) -> int:
    if as_json:
        _print(json.dumps({"error": type(error).__name__, "message": str(error)}))
    _report(f"training: {error}")
    return status


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _report(message: str) -> None:
    sys.stderr.write(f"{message}\n")


if __name__ == "__main__":
    sys.exit(main())
