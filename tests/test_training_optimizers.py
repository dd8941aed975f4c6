from collections.abc import Callable
from typing import Any

import pytest
import torch

from training.optimizers import OPTIMIZERS, OptimizerName
from training.schedules import ScheduleName, learning_rate_factor

REFERENCES: dict[OptimizerName, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_steps_as_torch_does(name: OptimizerName, weight_decay: float) -> None:
    start = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours, theirs = start.clone(), start.clone().requires_grad_()
    optimizer = OPTIMIZERS[name](ours, momentum=0.9, weight_decay=weight_decay)
    kind, options = REFERENCES[name]
    reference = kind([theirs], lr=0.1, weight_decay=weight_decay, **options)

    for step in range(20):
        optimizer.step(torch.sin(ours * 3 + step), 0.1)
        theirs.grad = torch.sin(theirs.detach() * 3 + step)
        reference.step()

    assert torch.allclose(ours, theirs.detach(), rtol=1e-9, atol=1e-12)
    assert not torch.allclose(ours, start)


def factors(schedule: ScheduleName, warmup_fraction: float = 0.0) -> list[float]:
    return [
        learning_rate_factor(schedule, step, 100, warmup_fraction=warmup_fraction)
        for step in range(100)
    ]


def test_constant_schedule_is_constant() -> None:
    assert set(factors("constant")) == {1.0}


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_falling_schedule_ends_near_zero(schedule: ScheduleName) -> None:
    course = factors(schedule)

    assert course == sorted(course, reverse=True)
    assert course[0] == 1
    assert course[50] == pytest.approx(0.5)
    assert 0 < course[-1] < 0.02


def test_step_schedule_falls_twice() -> None:
    course = factors("step")

    assert [course[step] for step in (0, 49, 50, 74, 75, 99)] == [1, 1, 0.1, 0.1, 0.01, 0.01]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step"])
def test_warmup_rises_to_the_start_of_the_schedule(schedule: ScheduleName) -> None:
    course = factors(schedule, warmup_fraction=0.1)

    assert course[:10] == sorted(course[:10])
    assert 0 < course[0] < 0.2
    assert course[10] == 1
