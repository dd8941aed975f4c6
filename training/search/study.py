"""The study: the trials so far, and what all of them have in common."""

import os
import socket
from contextlib import suppress

import numpy as np
import optuna
from optuna import Study
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from registry.configuration import SettingsError
from training.mnist import Digits
from training.search.settings import SEARCHED, SearchSettings
from training.search.storage import shown

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

_DEFINITION = "definition"
_WORKER = "worker"

# Epochs that every trial is given before it is compared with others.
_GRACE_EPOCHS = 2


def open_study(settings: SearchSettings, storage: BaseStorage, digits: Digits) -> Study:
    """The study that the settings name, begun or to be continued.

    Raises SettingsError where its earlier trials are not comparable with those to come.
    """
    # Optuna reports each trial by itself, to a handler of its own.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=settings.study,
        storage=storage,
        direction="maximize" if settings.objective == "accuracy" else "minimize",
        pruner=_pruner(settings),
        load_if_exists=True,
    )
    definition = _definition(settings, digits)
    earlier = study.user_attrs.get(_DEFINITION)
    if earlier is None:
        study.set_user_attr(_DEFINITION, definition)
    elif earlier != definition:
        raise SettingsError(_difference(settings, earlier, definition))
    _fail_abandoned(study)
    return study


def finished(study: Study) -> list[FrozenTrial]:
    """The trials that came to an end: trained, pruned or diverged."""
    return study.get_trials(deepcopy=False, states=FINISHED)


def worker() -> str:
    """This process, as its trials record it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def claim(study: Study, seed: int) -> optuna.Trial:
    """Begin a trial whose settings follow from `seed`, its number and the trials before it."""
    trial = study.ask()
    trial.set_user_attr(_WORKER, worker())
    # Numbers are unique, so processes that share a study do not draw the same.
    (state,) = np.random.SeedSequence([seed, trial.number]).generate_state(1)
    study.sampler = TPESampler(seed=int(state))
    return trial


def _definition(settings: SearchSettings, digits: Digits) -> dict[str, object]:
    fixed = settings.base.model_dump(mode="json")
    for name in (*settings.searched, "seed"):
        del fixed[name]
    space = {name: str(getattr(settings.space, SEARCHED[name])) for name in settings.searched}
    return {
        **{name: str(value) for name, value in fixed.items()},
        **{SEARCHED[name]: extent for name, extent in space.items()},
        "objective": settings.objective,
        "training images": digits.digest,
    }


def _difference(
    settings: SearchSettings, earlier: dict[str, object], now: dict[str, object]
) -> str:
    name = next(key for key in (*earlier, *now) if earlier.get(key) != now.get(key))
    return (
        f"the study '{settings.study}' in {shown(settings.storage)} was begun with another {name} "
        f"({earlier.get(name)}, now {now.get(name)}): its trials do not compare; "
        "give this one another name, --study"
    )


def _pruner(settings: SearchSettings) -> BasePruner:
    epochs = max(1, int(settings.space.epochs_range.high))
    if "epochs" in settings.held:
        epochs = settings.recipe.epochs
    if settings.pruner == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=_GRACE_EPOCHS)
    if settings.pruner == "halving":
        return SuccessiveHalvingPruner(min_resource=_GRACE_EPOCHS)
    if settings.pruner == "hyperband":
        return HyperbandPruner(min_resource=min(_GRACE_EPOCHS, epochs), max_resource=epochs)
    return NopPruner()


def _fail_abandoned(study: Study) -> None:
    """End the trials that a process of this machine began and did not live to end.

    The sampler would keep away from them. One that died before it signed its trial leaves that
    without settings, which disturbs nobody.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        host, _, process = trial.user_attrs.get(_WORKER, "").rpartition(":")
        if host == socket.gethostname() and not _is_another_process(int(process)):
            # Another process may clean up at the same time.
            with suppress(ValueError, RuntimeError):
                study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _is_another_process(number: int) -> bool:
    # In a container, a number comes back: that of this process was a dead one's.
    if number == os.getpid():
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
