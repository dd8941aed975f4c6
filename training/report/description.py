"""From what training knows to the report as data."""

import numpy as np
from numpy.typing import NDArray

from registry.contract import MODEL_FILE
from training import diagnosis
from training.calibration import reliability
from training.epoch import Score
from training.recipe import Recipe
from training.report.document import (
    Bin,
    DigitScores,
    Document,
    Effort,
    EpochRecord,
    Means,
    Mistake,
    RateRecord,
    Setting,
    TestScores,
    Unit,
)
from training.report.statistics import confusion, cross_entropy, ratio, wilson
from training.report.subject import Subject
from training.schedules import learning_rate_factor

MISTAKES = 30
UNITS = 64

# A schedule is drawn through so many steps; the eye sees no more.
_SCHEDULE_POINTS = 240

# Share of the weights within the range of colours: else one large weight makes the others pale.
_IN_RANGE = 0.995


def describe(subject: Subject) -> Document:
    """The report on `subject`; raises ValueError where a figure is not finite."""
    read = subject.probabilities.argmax(1)
    counts = confusion(read, subject.test.labels)
    shown = _largest_units(subject.first_layer)
    weights = subject.first_layer[shown]
    norms = np.linalg.norm(weights.astype(np.float64), axis=1)
    return Document(
        model=subject.model,
        digest=next(file.digest for file in subject.files if file.name == MODEL_FILE),
        test=_test_scores(subject, int(counts.trace())),
        effort=_effort(subject),
        settings=_settings(subject.recipe),
        epochs=_epochs(subject),
        schedule=_schedule(subject),
        warnings=tuple(diagnosis.warnings(subject.history[-1].gradient_sizes).values()),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        digits=_digits(counts),
        mistakes=_mistakes(subject, read),
        calibration=_calibration(subject),
        units=tuple(
            Unit(index=int(index), norm=float(norm))
            for index, norm in zip(shown, norms, strict=True)
        ),
        units_in_all=len(subject.first_layer),
        full_weight=float(np.quantile(np.abs(weights), _IN_RANGE)),
        files=tuple(subject.files),
        metrics=dict(subject.metrics),
        lineage=subject.lineage,
    )


def _test_scores(subject: Subject, correct: int) -> TestScores:
    images = len(subject.test)
    return TestScores(
        images=images,
        correct=correct,
        accuracy=correct / images,
        interval=wilson(correct, images),
        loss=cross_entropy(subject.probabilities, subject.test.labels),
        ece=reliability(subject.probabilities, subject.test.labels).ece,
        not_a_digit=dict(subject.not_a_digit),
    )


def _effort(subject: Subject) -> Effort:
    return Effort(
        parameters=subject.parameters,
        images=subject.training_images,
        epochs=len(subject.history),
        wall_seconds=sum(epoch.seconds for epoch in subject.history),
        cpu_seconds=subject.cpu_seconds,
        device=subject.device,
    )


def _settings(recipe: Recipe) -> tuple[Setting, ...]:
    textbook = Recipe().model_dump(mode="json")
    return tuple(
        Setting(
            name=name,
            value=value,
            textbook=textbook[name],
            meaning=Recipe.model_fields[name].description or "",
        )
        for name, value in recipe.model_dump(mode="json").items()
    )


def _epochs(subject: Subject) -> tuple[EpochRecord, ...]:
    return tuple(
        EpochRecord(
            number=epoch.number,
            training=_means(epoch.training),
            validation=_means(epoch.validation) if epoch.validation else None,
            gradient_sizes=epoch.gradient_sizes,
            seconds=epoch.seconds,
        )
        for epoch in subject.history
    )


def _means(score: Score) -> Means:
    return Means(loss=score.loss, accuracy=score.accuracy)


def _schedule(subject: Subject) -> tuple[RateRecord, ...]:
    recipe = subject.recipe
    steps_per_epoch = -(-subject.training_images // recipe.batch_size)
    taken = len(subject.history) * steps_per_epoch
    drawn = np.unique(np.linspace(0, taken - 1, _SCHEDULE_POINTS).round().astype(int)).tolist()
    return tuple(
        RateRecord(
            step=step,
            learning_rate=recipe.learning_rate
            * learning_rate_factor(
                recipe.schedule,
                step,
                recipe.epochs * steps_per_epoch,
                warmup_fraction=recipe.warmup_fraction,
            ),
        )
        for step in drawn
    )


def _digits(counts: NDArray[np.int64]) -> tuple[DigitScores, ...]:
    right, read, support = counts.diagonal(), counts.sum(0), counts.sum(1)
    return tuple(
        DigitScores(
            digit=digit,
            precision=ratio(right[digit], read[digit]),
            recall=ratio(right[digit], support[digit]),
            f1=ratio(2 * right[digit], read[digit] + support[digit]),
            support=int(support[digit]),
        )
        for digit in range(len(counts))
    )


def _mistakes(subject: Subject, read: NDArray[np.int64]) -> tuple[Mistake, ...]:
    confidence = subject.probabilities.max(1)
    wrong = np.flatnonzero(read != subject.test.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    return tuple(
        Mistake(
            index=index,
            label=int(subject.test.labels[index]),
            read=int(read[index]),
            confidence=float(confidence[index]),
        )
        for index in worst.tolist()
    )


def _calibration(subject: Subject) -> tuple[Bin, ...]:
    found = reliability(subject.probabilities, subject.test.labels)
    bins = len(found.counts)
    return tuple(
        Bin(
            low=number / bins,
            high=(number + 1) / bins,
            count=int(found.counts[number]),
            confidence=float(found.confidence[number]),
            accuracy=float(found.accuracy[number]),
        )
        for number in range(bins)
    )


def _largest_units(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    norms = np.linalg.norm(weights.astype(np.float64), axis=1)
    return np.sort(np.argsort(-norms, kind="stable")[:UNITS])
