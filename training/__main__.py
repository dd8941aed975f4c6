"""Train a digit classifier and register it.

The whole run in order: get the data, train, calibrate, export, compare the export with the
original, score it on the test set, publish it with its report, and let the alias name it. Started
by torchrun, several processes train one network, each on its share of the images.

exit status: 0 registered, and promoted if that was asked for; 1 failed; 2 wrong usage; 3
registered, but below --target-accuracy; 6 registered, but promotion was refused; 130 or 143
stopped by a signal
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import torch

from registry.configuration import SettingsError, load
from registry.errors import RefusedError, RegistryError, UntrustedError
from registry.output import finish_output
from registry.settings import open_registry
from training import diagnosis
from training.assembly import assemble
from training.checkpoint import Checkpoint
from training.data import load_digits, read_checksums
from training.device import pick_device
from training.distributed import Group, joined, local_rank
from training.epoch import Epoch
from training.errors import TrainingError
from training.lineage import lineage
from training.log import Log, open_log
from training.mnist import DatasetError, Mnist
from training.network import Network, build
from training.precision import pick_precision
from training.settings import TrainingSettings
from training.train import Training
from training.unpublished import publish_or_keep

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BELOW_TARGET = 3
EXIT_REFUSED = 6


class StoppedError(BaseException):
    """A signal asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.status = 128 + number


def main(argv: Sequence[str] | None = None) -> int:
    """Train once and return the exit status, as the module's docstring lists them."""
    arguments = sys.argv[1:] if argv is None else argv
    # Also where the process was started with these ignored, as a shell starts background jobs.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        settings = load(TrainingSettings, "python -m training", __doc__, arguments, os.environ)
        torch.set_num_threads(settings.compute.threads)
        device = pick_device(settings.compute.device, local_rank())
        with joined(device) as group:
            return run(_decided(settings, device), device, group)
    except SettingsError as error:
        return _fail(error, EXIT_USAGE)
    except (RefusedError, UntrustedError) as error:
        return _fail(error, EXIT_REFUSED)
    except (DatasetError, RegistryError, TrainingError) as error:
        return _fail(error, EXIT_FAILED)
    except StoppedError as stop:
        return _fail(f"{stop}; the same command with --resume goes on", stop.status)


def run(settings: TrainingSettings, device: torch.device, group: Group) -> int:
    """Train, and where this process leads, publish and promote; returns the exit status."""
    log = open_log(settings.log_format, is_silent=not group.leads)
    registry = open_registry(settings.registry)
    if group.leads:
        registry.require_safe_writes()  # A store that cannot be written is found before, not after.
    with group.leader_first():
        digits = load_digits(settings.data, log.say)
    network, history, checkpoint = train(settings, digits, device, group, log)
    if not group.leads:
        return EXIT_DONE

    origin = lineage(
        read_checksums(settings.data), settings.recipe.seed, device, processes=group.size
    )
    name = settings.registry.model
    product = assemble(name, network, history, digits, settings.recipe, origin)
    card = publish_or_keep(
        registry,
        settings.registry,
        product.files,
        product.draft,
        settings.unpublished_dir,
        log.say,
    )
    checkpoint.remove()
    accuracy = product.draft.metrics["accuracy"]
    log.say(
        f"published {card.name} version {card.version}: test accuracy {accuracy:.2%}",
        version=card.version,
        metrics=card.metrics,
    )
    if accuracy < settings.target_accuracy:
        message = f"test accuracy {accuracy:.2%} is below the target {settings.target_accuracy:.2%}"
        return _fail(message, EXIT_BELOW_TARGET)
    if settings.promote:
        registry.promote(card, settings.registry.alias, reason="trained")
        log.say(f"promoted it to {settings.registry.alias}", alias=settings.registry.alias)
    return EXIT_DONE


def train(
    settings: TrainingSettings, digits: Mnist, device: torch.device, group: Group, log: Log
) -> tuple[Network, list[Epoch], Checkpoint]:
    """Train the network of the recipe, from the last checkpoint on if that was asked for."""
    recipe = settings.recipe
    network = build(recipe).to(device)
    training = Training(network, digits.train, recipe, group)
    checkpoint = _checkpoint(settings, digits, device, group)
    # The leader's file has what all processes need, so that they all go on from the same epoch.
    state = group.leaders(checkpoint.load() if settings.resume and group.leads else None)
    if state:
        training.restore(state)
    done = len(training.history)
    log.say(
        f"training on {len(digits.train):,} digits ({device}, seed {recipe.seed})"
        + (f", resumed after epoch {done}" if state else ""),
        recipe=recipe.model_dump(mode="json"),
        resumed_after=done,
    )
    epochs = log.show(training.epochs(), done=done, total=recipe.epochs)
    for epoch in _with_warnings(epochs, log):
        if group.leaders(checkpoint.is_due() or epoch.number == recipe.epochs):
            state = training.state()
            if group.leads:
                _save(checkpoint, state, log)
    return network, training.history, checkpoint


def _decided(settings: TrainingSettings, device: torch.device) -> TrainingSettings:
    """The settings with the precision that this device has, so that the card says which it was."""
    precision = pick_precision(settings.recipe.precision, device)
    recipe = settings.recipe.model_copy(update={"precision": precision})
    return settings.model_copy(update={"recipe": recipe})


def _checkpoint(
    settings: TrainingSettings, digits: Mnist, device: torch.device, group: Group
) -> Checkpoint:
    """The checkpoint of exactly this run: all that decides its result is in its identity."""
    identity = {
        "recipe": settings.recipe.model_dump(mode="json"),
        "images": digits.train.digest,
        "device": device.type,
        "threads": settings.compute.threads,
        "processes": group.size,
        "torch": torch.__version__,
    }
    return Checkpoint(settings.checkpoint_dir, identity, interval_s=settings.checkpoint_interval_s)


def _save(checkpoint: Checkpoint, state: dict[str, Any], log: Log) -> None:
    """A checkpoint that cannot be written is no reason to lose the training itself."""
    try:
        checkpoint.save(state)
    except TrainingError as error:
        log.caution(str(error))


def _with_warnings(epochs: Iterator[Epoch], log: Log) -> Iterator[Epoch]:
    """Pass `epochs` on, and say once of each layer that it has stopped learning."""
    said: set[int] = set()
    for epoch in epochs:
        for layer, warning in diagnosis.warnings(epoch.gradient_sizes).items():
            if layer not in said:
                log.caution(f"after epoch {epoch.number}, {warning}")
                said.add(layer)
        yield epoch


def _stop(number: int, _: object) -> NoReturn:
    # A second signal must not interrupt what the first one brings about.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StoppedError(number)


def _fail(error: Exception | str, status: int) -> int:
    print(f"training: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    status = main()
    finish_output()
    sys.exit(status)
