"""Train many networks of one shape at once, with a seed and a learning rate each.

Each becomes what python -m training would make of it. The scores are those on validation images:
they show how much is due to the seed, or which learning rate to take. On a GPU, a hundred small
networks take hardly longer than one.
"""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence

import torch
from rich.console import Console

from registry.configuration import SettingsError, load
from registry.errors import RegistryError
from registry.local import write_file
from registry.settings import open_registry
from training.data import load_digits
from training.device import pick_device
from training.epoch import Epoch
from training.errors import TrainingError
from training.mnist import DatasetError
from training.population import census
from training.population.census import Census
from training.population.members import build_population
from training.population.publishing import publish
from training.population.settings import PopulationSettings
from training.population.train import train_population
from training.selection import command
from training.settings import environment_of

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Train a population; 0: done, 1: failed, 2: wrong usage, 130: interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        environ = environment_of(PopulationSettings, os.environ)
        settings = load(
            PopulationSettings, "python -m training.population", __doc__, arguments, environ
        )
        run(settings, Console(soft_wrap=True))
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (DatasetError, RegistryError, TrainingError) as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    return 0


def run(settings: PopulationSettings, console: Console) -> Census:
    """Train all members, show how they fare, and publish the best if the settings say so."""
    torch.set_num_threads(settings.compute.threads)
    device = pick_device(settings.compute.device)
    registry = open_registry(settings.registry)
    if settings.publish:
        registry.require_safe_writes()  # A store that cannot be written is found before, not after.
    recipes = settings.recipes()
    digits = load_digits(settings.data, console.print)

    console.print(f"training {len(recipes):,} networks ({device}, seeds from {recipes[0].seed})")
    population = build_population(recipes, device)
    epochs = list(_show(train_population(population, digits.train, recipes), console))
    found = census.take(recipes, epochs)
    best = found.best
    again = command(best.recipe, settings.data)
    console.print(f"\n{found.text()}\n\ntrain the best alone:\n  {again}", highlight=False)
    _write(found, again, settings)

    if settings.publish:
        network = population.member(best.number)
        card = publish(best, network, digits, registry, settings, device, console.print)
        console.print(
            f"published {card.name} version {card.version}: "
            f"test accuracy {card.metrics['accuracy']:.2%}"
        )
    return found


def _show(epochs: Iterator[list[Epoch]], console: Console) -> Iterator[list[Epoch]]:
    """Pass `epochs` on, and print a row for each."""
    console.print(f"{'epoch':>5}  {'mean':>7}  {'best':>7}  {'seconds':>7}", style="bold")
    for epoch in epochs:
        scores = [member.validation.accuracy for member in epoch if member.validation]
        accuracies = [accuracy for accuracy in scores if not math.isnan(accuracy)]
        mean, best = sum(accuracies) / len(accuracies), max(accuracies)
        number, seconds = epoch[0].number, epoch[0].seconds
        console.print(f"{number:>5}  {mean:>7.2%}  {best:>7.2%}  {seconds:>7.2f}", highlight=False)
        yield epoch


def _write(found: Census, again: str, settings: PopulationSettings) -> None:
    if settings.output is None:
        return
    content = json.dumps(found.to_json(again), indent=2, allow_nan=False) + "\n"
    try:
        write_file(settings.output, content.encode())
    except OSError as error:
        raise SettingsError(
            f"--output is '{settings.output}': cannot write it ({error.strerror})"
        ) from None


def _fail(error: Exception | str, status: int) -> int:
    print(f"population: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
