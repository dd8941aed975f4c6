"""Run trials: each trains one variation of the recipe and scores it on the validation images."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from optuna import Study, Trial, TrialPruned
from optuna.trial import TrialState

from training.epoch import Epoch, Score
from training.errors import TrainingError
from training.mnist import Digits
from training.network import build
from training.recipe import Recipe
from training.search.interruption import Interruption
from training.search.settings import Objective, SearchSettings, Space
from training.search.study import claim, finished
from training.train import train


class InterruptedTrialError(Exception):
    """The trial was given up because the program is to end."""


def run_trials(
    study: Study,
    settings: SearchSettings,
    digits: Digits,
    device: torch.device,
    interruption: Interruption,
) -> Iterator[int]:
    """Run one trial after another until the study has enough, or time is up; yield their numbers.

    Processes that share a study do so each: in the end there may be one trial more for each.
    """
    end = time.monotonic() + (settings.seconds or math.inf)
    while len(finished(study)) < settings.trials and time.monotonic() < end:
        if interruption.requested:
            return
        trial = claim(study, settings.recipe.seed)
        try:
            _run_trial(study, trial, settings, digits, device, interruption)
        except InterruptedTrialError:
            return
        yield trial.number


def _run_trial(
    study: Study,
    trial: Trial,
    settings: SearchSettings,
    digits: Digits,
    device: torch.device,
    interruption: Interruption,
) -> None:
    try:
        recipe = suggest(trial, settings)
        trial.set_user_attr("recipe", recipe.model_dump(mode="json"))
        scores: list[Score] = []
        for epoch in train(build(recipe).to(device), digits, recipe):
            scores.append(_report(trial, epoch, settings.objective))
            if epoch.number < recipe.epochs and trial.should_prune():
                raise TrialPruned
            if interruption.requested:
                raise InterruptedTrialError
        study.tell(trial, getattr(_kept(scores, recipe), settings.objective))
    except TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except TrainingError as error:
        # Pruned, not failed: the sampler learns from the former only.
        trial.set_user_attr("diverged", str(error))
        study.tell(trial, state=TrialState.PRUNED)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise


def suggest(trial: Trial, settings: SearchSettings) -> Recipe:
    """The recipe of a trial: what is searched from the sampler, its seed from its number."""
    chosen = {name: _SUGGESTIONS[name](trial, settings.space) for name in settings.searched}
    seed = (settings.recipe.seed + trial.number) % 2**63
    return settings.base.model_copy(update={**chosen, "seed": seed})


def _report(trial: Trial, epoch: Epoch, objective: Objective) -> Score:
    assert epoch.validation is not None  # noqa: S101 - the settings demand it
    trial.report(getattr(epoch.validation, objective), epoch.number)
    return epoch.validation


def _kept(scores: Sequence[Score], recipe: Recipe) -> Score:
    """The score of the network as training leaves it: with patience, at its best epoch."""
    return min(scores, key=lambda score: score.loss) if recipe.patience else scores[-1]


def _power_of_two(trial: Trial, name: str, low: float, high: float) -> int:
    exponents = (int(low).bit_length() - 1, int(high).bit_length() - 1)
    return 1 << trial.suggest_int(f"log2 {name}", *exponents)


_SUGGESTIONS: dict[str, Callable[[Trial, Space], float | str]] = {
    "learning_rate": lambda trial, space: trial.suggest_float(
        "learning_rate", space.learning_rate_range.low, space.learning_rate_range.high, log=True
    ),
    "batch_size": lambda trial, space: _power_of_two(
        trial, "batch_size", space.batch_size_range.low, space.batch_size_range.high
    ),
    "epochs": lambda trial, space: trial.suggest_int(
        "epochs", int(space.epochs_range.low), int(space.epochs_range.high)
    ),
    "hidden_layers": lambda trial, space: trial.suggest_int(
        "hidden_layers",
        int(space.hidden_layers_range.low),
        int(space.hidden_layers_range.high),
    ),
    "width": lambda trial, space: _power_of_two(
        trial, "width", space.width_range.low, space.width_range.high
    ),
    "optimizer": lambda trial, space: str(
        trial.suggest_categorical("optimizer", space.optimizer_choices)
    ),
}
