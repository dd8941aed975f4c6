"""Measure how well digits are read as people send them, of many kinds.

    python -m benchmarks.real_digits [--number 200] [--seed 0] [--validation] [--json FILE]

Reads with the model that the alias names in the registry of ZIFFER_STORE. Handwriting is made of
MNIST's test digits, put on canvases and photographed by rules of our own; what reads it was tuned
on validation digits (--validation: the last 10,000 of the training images). Print is in the
typefaces of this machine. Status 1: a goal is missed.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.goals import Goals, parser
from benchmarks.real_digits import kinds
from benchmarks.real_digits.kinds import Example, Make, Source
from benchmarks.real_digits.scores import Outcome, read, read_number
from registry.configuration import resolve
from registry.errors import RegistryError
from registry.settings import RegistrySettings, open_registry
from service.models.classifier import Classifier
from service.models.loader import load_classifier
from service.settings import ServiceSettings
from service.verdict import Thresholds
from training.calibration import reliability
from training.data import DataSettings, load_digits
from training.mnist import Digits
from training.rejection import auroc

ACCURACY_GOALS = {"canvas": 0.98, "photo": 0.97, "printed": 0.98}
MEAN_ACCURACY_GOAL = 0.96
AUROC_GOAL = 0.97
ECE_GOAL = 0.03

_VALIDATION_IMAGES = 10_000
_GROUPS: dict[str, dict[str, Make]] = {
    "canvas": kinds.CANVASES,
    "photo": kinds.PHOTOS,
    "printed": kinds.PRINTED,
    "other": kinds.OTHERS,
}


class Evaluation:
    """Reads kinds of examples, and prints how that went."""

    def __init__(
        self, classifier: Classifier, digits: Digits, number: int, seed: int, thresholds: Thresholds
    ) -> None:
        self._classifier = classifier
        self._digits = digits
        self._number = number
        self._seed = seed
        self._thresholds = thresholds

    def outcomes(self, group: str, makes: Mapping[str, Make]) -> dict[str, Outcome]:
        """Read examples of all kinds of a group."""
        outcomes = {}
        for kind, make in makes.items():
            outcome = read(self._classifier, self._examples(group, kind, make), self._thresholds)
            outcomes[kind] = outcome
            print(_line(group, kind, outcome), flush=True)
        return outcomes

    def numbers(self, makes: Mapping[str, Make]) -> None:
        """Read whole numbers, as /read does."""
        for kind, make in makes.items():
            examples = self._examples("number", kind, make)
            read_as = [read_number(self._classifier, example.content) for example in examples]
            pairs = list(zip(read_as, examples, strict=True))
            whole = np.mean([number == example.answer for number, example in pairs])
            count = np.mean([len(number) == len(example.answer) for number, example in pairs])
            print(
                f"{'number':8} {kind:22} {self._number:5} {whole:8.1%}  as many digits {count:.1%}"
            )

    def _examples(self, group: str, kind: str, make: Make) -> list[Example]:
        random = np.random.default_rng([self._seed, *f"{group} {kind}".encode()])
        source = Source(self._digits, random)
        return [make(source) for _ in range(self._number)]


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    arguments = _arguments()
    try:
        classifier = _classifier()
    except RegistryError as error:
        print(f"eval-real: {error}", file=sys.stderr)
        return 2
    mnist = load_digits(DataSettings(), lambda line: print(line, file=sys.stderr))
    digits = mnist.train[-_VALIDATION_IMAGES:] if arguments.validation else mnist.test
    evaluation = Evaluation(
        classifier, digits, arguments.number, arguments.seed, _default_thresholds()
    )
    card = classifier.card
    print(f"{card.name} version {card.version}, {len(kinds.font_files())} typefaces")
    print(f"{'':8} {'kind':22} {'n':>5} {'right':>8} {'rejected':>8} {'of named':>8} {'CPU ms':>7}")
    goals = Goals(f"recipe {card.recipe['recipe']}, {arguments.number} examples of each kind")
    evaluate(evaluation, goals)
    goals.write(arguments.json)
    return 0 if goals.is_met else 1


def evaluate(evaluation: Evaluation, goals: Goals) -> None:
    """Read digits, other things and numbers, then compare with the goals."""
    outcomes = {
        group: evaluation.outcomes(group, makes)
        for group, makes in _GROUPS.items()
        if group != "printed" or kinds.font_files()
    }
    others = evaluation.outcomes("none", kinds.NOT_DIGITS)
    evaluation.outcomes("blank", kinds.BLANKS)
    evaluation.numbers(kinds.LINES)
    print()
    for group, goal in ACCURACY_GOALS.items():
        if group in outcomes:
            print(goals.at_least(f"accuracy, {group}", [_mean_accuracy(outcomes[group])], goal))
        else:
            goals.skip(f"accuracy, {group}: no typefaces are in {kinds.FONTS}")
    digits = {(group, kind): one for group in outcomes for kind, one in outcomes[group].items()}
    accuracy = _mean_accuracy(digits)
    print(goals.at_least("accuracy, mean over all kinds", [accuracy], MEAN_ACCURACY_GOAL))
    print(goals.at_most("calibration error (ECE)", [_ece(digits)], ECE_GOAL))
    doubts = [
        np.concatenate([outcome.not_a_digit for outcome in some.values()])
        for some in (others, digits)
    ]
    print(goals.at_least("AUROC, digit or not", [auroc(*doubts)], AUROC_GOAL))
    rejected = np.concatenate([outcome.is_rejected for outcome in digits.values()]).mean()
    accepted = 1 - np.concatenate([outcome.is_rejected for outcome in others.values()]).mean()
    print(goals.figure("digits that are rejected", [rejected]))
    print(goals.figure("other things that are read as a digit", [accepted]))
    print(goals.summary())


def _mean_accuracy(outcomes: Mapping[Any, Outcome]) -> float:
    return float(np.mean([outcome.is_right.mean() for outcome in outcomes.values()]))


def _ece(outcomes: Mapping[Any, Outcome]) -> float:
    """Of all images that were read."""
    read_at_all = [
        (verdict.probabilities, int(answer))
        for outcome in outcomes.values()
        for verdict, answer in zip(outcome.verdicts, outcome.answers, strict=True)
        if verdict.rejected not in {"blank", "multiple_digits"}
    ]
    probabilities, labels = zip(*read_at_all, strict=True)
    return reliability(np.stack(probabilities), np.array(labels, np.uint8)).ece


def _line(group: str, kind: str, outcome: Outcome) -> str:
    rejected = outcome.is_rejected
    named = outcome.is_right[~rejected]
    right = f"{outcome.is_right.mean():8.1%}" if any(outcome.answers) else f"{'':8}"
    of_named = f"{named.mean():8.1%}" if any(outcome.answers) and len(named) else f"{'':8}"
    return (
        f"{group:8} {kind:22} {len(rejected):5} {right} {rejected.mean():8.1%} {of_named} "
        f"{outcome.cpu_ms:7.2f}  {outcome.reasons}"
    )


def _classifier() -> Classifier:
    settings = resolve(RegistrySettings, {}, os.environ)
    registry = open_registry(settings)
    return load_classifier(registry, registry.resolve(settings.model, settings.alias).card)


def _default_thresholds() -> Thresholds:
    settings = ServiceSettings()
    return Thresholds(settings.not_a_digit_threshold, settings.confidence_threshold)


def _arguments() -> argparse.Namespace:
    flags = parser(__doc__)
    flags.add_argument("--number", type=int, default=200, help="examples of each kind")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--validation", action="store_true", help="of the digits to tune on")
    return flags.parse_args()


if __name__ == "__main__":
    sys.exit(main())
