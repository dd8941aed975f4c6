import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.losses import LOSSES, LossName, cross_entropy, entropy, penalty


def distributions(size: int = 10) -> st.SearchStrategy[torch.Tensor]:
    weights = arrays("float64", size, elements=st.floats(0, 1)).filter(lambda w: w.sum() > 0.1)
    return weights.map(lambda w: torch.from_numpy(w / w.sum()))


def test_entropy_of_certainty_is_zero_and_of_ignorance_largest() -> None:
    assert entropy(torch.tensor([0.0, 1.0, 0.0])) == 0
    assert entropy(torch.full((10,), 0.1)).item() == pytest.approx(math.log(10))


@given(distributions(), distributions())
def test_cross_entropy_is_at_least_the_entropy(p: torch.Tensor, q: torch.Tensor) -> None:
    assert entropy(p) <= cross_entropy(p, q) + 1e-9
    assert torch.allclose(cross_entropy(p, p), entropy(p))


def test_cross_entropy_of_the_excluded_is_infinite() -> None:
    assert cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])) == math.inf


def test_penalty_is_none_for_truth_and_unbounded_for_its_contrary() -> None:
    assert penalty(1, torch.tensor(1.0)) == penalty(0, torch.tensor(0.0)) == 0
    assert penalty(1, torch.tensor(0.0)) == penalty(0, torch.tensor(1.0)) == math.inf
    assert penalty(1, torch.tensor(0.5)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_loss_is_finite_at_certainty_right_or_wrong(loss: LossName, size: float) -> None:
    logits = torch.full((10, 2), -size)
    logits[3] = size
    target = torch.zeros(10, 2)
    target[3, 0] = target[4, 1] = 1
    gradient = torch.empty(10, 2)

    total = LOSSES[loss].total(logits, target)
    LOSSES[loss].differentiate(logits, target, gradient)

    assert total.isfinite()
    assert gradient.isfinite().all()
    assert total > 0
