"""Train a registered version again, and compare what comes out with what is registered."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from pydantic import ValidationError

from registry.card import Frozen, Lineage, ModelCard
from registry.catalog import Registry
from registry.configuration import SettingsError
from registry.contract import SIGNATURE
from registry.documents import sha256
from training import mnist
from training.data import DataSettings, load_digits, read_checksums
from training.errors import TrainingError
from training.evaluate import evaluate
from training.finish import finish
from training.lineage import lineage
from training.mnist import Digits, Mnist
from training.network import build
from training.recipe import Recipe
from training.train import train


class Comparison(Frozen):
    """One file of the version, and the same file of the training that was repeated."""

    file: str
    registered_sha256: str
    repeated_sha256: str | None
    """None where the training no longer makes such a file."""
    largest_difference: float | None = None
    """Of a probability over all test images; None where the files are the same, or there is one."""
    registered_accuracy: float | None = None
    repeated_accuracy: float | None = None

    @property
    def is_same(self) -> bool:
        """Whether the files are equal, byte for byte."""
        return self.registered_sha256 == self.repeated_sha256

    def __str__(self) -> str:
        if self.is_same:
            return f"{self.file}: same, sha256 {self.registered_sha256}"
        if self.repeated_sha256 is None:
            return f"{self.file}: differs, training makes no such file now"
        return (
            f"{self.file}: differs, probabilities by up to {self.largest_difference:.2g}, test "
            f"accuracy {self.registered_accuracy:.2%} before and {self.repeated_accuracy:.2%} now"
        )


class Reproduction(Frozen):
    """What came of training a version again."""

    name: str
    version: int
    warnings: tuple[str, ...]
    """In what this training was unlike the first."""
    files: tuple[Comparison, ...]

    @property
    def is_same(self) -> bool:
        """Whether every file is the same."""
        return all(file.is_same for file in self.files)


def reproduce(
    registry: Registry, card: ModelCard, data: DataSettings, report: Callable[[str], None]
) -> Reproduction:
    """Train the version of `card` again, from what its card says, and compare each ONNX file.

    It is trained with as many threads as then, and on the same device where there is one. Raises
    TrainingError where this release cannot train as the card says, DatasetError where the data are
    not to be had.
    """
    recipe = recipe_of(card)
    names = [name for name in card.files if name.endswith(".onnx")]
    if not names or card.signature != SIGNATURE:
        raise TrainingError(f"{_called(card)} is no model as this release makes them")
    digits = _digits(card, data, report)
    torch.set_num_threads(card.lineage.threads or 1)
    device = _device(card.lineage)
    here = lineage(card.lineage.data, recipe.seed, device)
    warnings = tuple(unlike(card.lineage, here))
    for warning in warnings:
        report(f"warning: {warning}")
    report(f"training {_called(card)} again, {recipe.epochs} epochs on {here.hardware}")
    files = _train_again(recipe, digits, device)
    return Reproduction(
        name=card.name,
        version=card.version,
        warnings=warnings,
        files=tuple(_compare(registry, card, name, files.get(name), digits.test) for name in names),
    )


def recipe_of(card: ModelCard) -> Recipe:
    """The recipe that the card describes; raises TrainingError where this release has another."""
    given, known = card.recipe.keys(), Recipe.model_fields.keys()
    problems = [f"{name} is no setting of it" for name in sorted(given - known)]
    problems += [f"the card does not say {name}" for name in sorted(known - given)]
    if not problems:
        try:
            return Recipe.model_validate(card.recipe)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    raise TrainingError(
        f"{_called(card)} is of another release, whose recipe this one does not follow: "
        f"{'; '.join(problems)}. Check out the commit {card.lineage.git_commit} to reproduce it"
    )


def unlike(then: Lineage, here: Lineage) -> Iterator[str]:
    """In what the machine and the code `here` are unlike those of the first training."""
    for name in sorted(then.packages.keys() | here.packages.keys()):
        yield from _unlike(name, then.packages.get(name), here.packages.get(name))
    yield from _unlike("Python", then.python, here.python)
    yield from _unlike("the commit", then.git_commit, here.git_commit)
    for when, record in (("then", then), ("here", here)):
        if record.git_dirty:
            yield f"the code had changes {when} that are in no commit"
    yield from _unlike("the hardware", then.hardware, here.hardware)
    yield from _unlike("the number of threads", then.threads, here.threads)
    without_equal = [
        *_unlike("the device", then.device, here.device),
        *_unlike("the number of processes", then.processes, here.processes),
    ]
    yield from (f"{one}, so equal bytes are not to be expected" for one in without_equal)


def _unlike(what: str, then: object, here: object) -> Iterator[str]:
    if then != here:
        was = "not recorded" if then is None else then
        yield f"{what} was {was}, here it is {here}"


def _device(then: Lineage) -> torch.device:
    wanted = then.device or "cpu"
    return torch.device("cpu" if wanted == "cuda" and not torch.cuda.is_available() else wanted)


def _digits(card: ModelCard, data: DataSettings, report: Callable[[str], None]) -> Mnist:
    """The digits that the version was trained on, and no others."""
    wanted = card.lineage.data
    if wanted.keys() != mnist.CHECKSUMS.keys():
        raise TrainingError(
            f"{_called(card)} was trained on {', '.join(sorted(wanted))}, which this release does "
            "not read"
        )
    if data.checksums and read_checksums(data) != wanted:
        raise SettingsError(
            f"--checksums is '{data.checksums}', which names other files than those that "
            f"{_called(card)} was trained on: leave it out"
        )
    return load_digits(data, report, wanted)


def _train_again(recipe: Recipe, digits: Mnist, device: torch.device) -> dict[str, bytes]:
    """The files that training makes of `recipe` (name to bytes)."""
    network = build(recipe).to(device)
    for _ in train(network, digits.train, recipe):
        pass
    return dict(finish(network, digits, recipe).files)


def _compare(
    registry: Registry, card: ModelCard, name: str, repeated: bytes | None, test: Digits
) -> Comparison:
    registered_sha256 = card.files[name].digest
    repeated_sha256 = None if repeated is None else sha256(repeated)
    if repeated is None or repeated_sha256 == registered_sha256:
        return Comparison(
            file=name, registered_sha256=registered_sha256, repeated_sha256=repeated_sha256
        )
    before, after = evaluate(registry.fetch(card, name), test), evaluate(repeated, test)
    difference = np.abs(before.answers.probabilities - after.answers.probabilities).max()
    return Comparison(
        file=name,
        registered_sha256=registered_sha256,
        repeated_sha256=repeated_sha256,
        largest_difference=float(difference),
        registered_accuracy=before.accuracy,
        repeated_accuracy=after.accuracy,
    )


def _called(card: ModelCard) -> str:
    return f"{card.name} version {card.version}"
