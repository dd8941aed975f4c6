"""Learning-rate schedules: the share of the recipe's learning rate to use at each step."""

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["constant", "linear", "cosine", "step"]

# From progress in [0, 1) to a factor in [0, 1].
_SCHEDULES: dict[ScheduleName, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    # Loshchilov and Hutter, 2017, without restarts
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    # A tenth after half of the training, a hundredth after three quarters (He et al., 2016)
    "step": lambda progress: 0.01 if progress >= 0.75 else 0.1 if progress >= 0.5 else 1.0,
}


def learning_rate_factor(
    schedule: ScheduleName, step: int, steps: int, *, warmup_fraction: float
) -> float:
    """The factor at `step` (from 0) of `steps`.

    It rises in a straight line over the first `warmup_fraction` of the steps, then follows the
    schedule over the rest.
    """
    warmup = warmup_fraction * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return _SCHEDULES[schedule]((step - warmup) / (steps - warmup))
