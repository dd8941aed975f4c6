"""What a study has found so far, apart from how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from training.recipe import Recipe
from training.search.settings import SEARCHED, SearchSettings
from training.search.study import finished
from training.selection import command

Outcome = Literal["trained", "pruned", "diverged"]

# With fewer, the importances would be those of chance.
_DIFFERENT_SCORES_FOR_IMPORTANCES = 10


@dataclass(frozen=True)
class Finding:
    """One finished trial; `score` is its objective on the validation images, after `epochs`."""

    number: int
    outcome: Outcome
    score: float | None
    epochs: int
    seconds: float
    recipe: Recipe

    def settings(self) -> list[object]:
        """The values of all settings that can be searched."""
        return [getattr(self.recipe, name) for name in SEARCHED]


@dataclass(frozen=True)
class Summary:
    """The findings, the best first, and what follows from them.

    `importances` gives to each setting that was searched its share in reaching the best tenth of
    the scores; it is empty after too few trials.
    """

    study: str
    objective: str
    validation_size: int
    findings: list[Finding]
    importances: dict[str, float]
    best: Finding | None
    command: str | None

    def to_json(self) -> dict[str, Any]:
        """The summary as it is written to disk."""
        return {
            "format": 1,
            "study": self.study,
            "objective": self.objective,
            "validation_size": self.validation_size,
            "best": self.best.number if self.best else None,
            "command": self.command,
            "importances": self.importances,
            "trials": [
                {
                    "number": finding.number,
                    "outcome": finding.outcome,
                    "score": finding.score,
                    "epochs": finding.epochs,
                    "seconds": finding.seconds,
                    "recipe": finding.recipe.model_dump(mode="json"),
                }
                for finding in self.findings
            ],
        }


def summarize(study: Study, settings: SearchSettings) -> Summary:
    """The summary of all finished trials."""
    trials = finished(study)
    findings = sorted(map(_finding, trials), key=_rank(settings.objective))
    best = findings[0] if findings and findings[0].outcome == "trained" else None
    return Summary(
        study=settings.study,
        objective=settings.objective,
        validation_size=settings.base.validation_size,
        findings=findings,
        importances=_importances(study, trials),
        best=best,
        command=command(best.recipe, settings.data) if best else None,
    )


def _finding(trial: FrozenTrial) -> Finding:
    diverged = "diverged" in trial.user_attrs
    pruned: Outcome = "diverged" if diverged else "pruned"
    start, end = trial.datetime_start, trial.datetime_complete
    return Finding(
        number=trial.number,
        outcome="trained" if trial.state == TrialState.COMPLETE else pruned,
        score=None if diverged else trial.value,
        epochs=max(trial.intermediate_values, default=0),
        seconds=(end - start).total_seconds() if start and end else 0.0,
        recipe=Recipe.model_validate(trial.user_attrs["recipe"]),
    )


def _rank(objective: str) -> Any:  # noqa: ANN401 - a key for sorted
    sign = -1 if objective == "accuracy" else 1
    outcomes = ("trained", "pruned", "diverged")
    return lambda finding: (
        outcomes.index(finding.outcome),
        sign * (finding.score or 0.0),
        finding.number,
    )


def _importances(study: Study, trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """By PED-ANOVA (Watanabe, Bansal and Hutter, 2023), which is Optuna's own."""
    scores = {trial.value for trial in trials if trial.state == TrialState.COMPLETE}
    if len(scores) < _DIFFERENT_SCORES_FOR_IMPORTANCES:
        return {}
    shares = optuna.importance.get_param_importances(study)
    return {name.removeprefix("log2 "): share for name, share in shares.items()}
