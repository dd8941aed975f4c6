import pytest
import torch
from torch.nn import functional

from training.losses import LOSSES
from training.scores import Scores

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(10, 300, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.randint(0, 10, (300,), generator=GENERATOR)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_scores_are_those_of_all_minibatches(size: int) -> None:
    scores = Scores(LOSSES["categorical_cross_entropy"], LABELS, LOGITS, classes=10)

    for batch in torch.split(torch.randperm(300, generator=GENERATOR), size):
        scores.add(batch, LOGITS[:, batch])

    expected = functional.cross_entropy(LOGITS.t(), LABELS, reduction="sum")
    assert scores.loss_sum.item() == pytest.approx(expected.item())
    assert scores.correct == (LOGITS.argmax(0) == LABELS).sum()


def test_reading_between_minibatches_loses_none() -> None:
    scores = Scores(LOSSES["categorical_cross_entropy"], LABELS, LOGITS, classes=10)
    first, second = torch.split(torch.arange(300), 200)

    scores.add(first, LOGITS[:, first])
    once = scores.correct.item()
    scores.add(second, LOGITS[:, second])

    assert 0 < once < scores.correct.item()


def test_added_logits_may_be_overwritten() -> None:
    scores = Scores(LOSSES["categorical_cross_entropy"], LABELS, LOGITS, classes=10)
    logits = LOGITS[:, :5].clone()
    scores.add(torch.arange(5), logits)

    logits.zero_()

    expected = functional.cross_entropy(LOGITS[:, :5].t(), LABELS[:5], reduction="sum")
    assert scores.loss_sum.item() == pytest.approx(expected.item())


def test_reset_forgets_everything() -> None:
    scores = Scores(LOSSES["categorical_cross_entropy"], LABELS, LOGITS, classes=10)
    scores.add(torch.arange(100), LOGITS[:, :100])
    assert scores.loss_sum > 0
    scores.add(torch.arange(100, 200), LOGITS[:, 100:200])

    scores.reset()

    assert scores.loss_sum == 0
    assert scores.correct == 0
