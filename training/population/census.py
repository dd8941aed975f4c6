"""What has become of the members: their scores, and how these are distributed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry import tables
from training.epoch import Epoch, Score
from training.recipe import Recipe

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_ROWS_IN_TERMINAL = 10


@dataclass(frozen=True)
class Member:
    """One network and its epochs; the scores of the last are NaN where it has diverged."""

    number: int
    recipe: Recipe
    history: list[Epoch]

    @property
    def training(self) -> Score:
        """The score of the last epoch, taken while the network changed."""
        return self.history[-1].training

    @property
    def validation(self) -> Score:
        """The score after the last epoch."""
        score = self.history[-1].validation
        assert score is not None  # noqa: S101 - the settings demand validation images
        return score

    @property
    def diverged(self) -> bool:
        """Whether its parameters are of no use."""
        return math.isnan(self.validation.accuracy)


@dataclass(frozen=True)
class Census:
    """All members, the best first and the diverged last."""

    members: list[Member]

    @property
    def best(self) -> Member:
        """The member with the highest validation accuracy."""
        return self.members[0]

    def accuracies(self) -> list[float]:
        """Validation accuracies of the members that have not diverged."""
        return [member.validation.accuracy for member in self.members if not member.diverged]

    def distribution(self) -> dict[str, Any]:
        """Mean, standard deviation (None for one member) and quantiles of these accuracies."""
        values = np.array(self.accuracies())
        return {
            "members": len(self.members),
            "diverged": len(self.members) - len(values),
            "mean": float(values.mean()),
            "standard_deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
            "quantiles": {str(share): float(np.quantile(values, share)) for share in _QUANTILES},
        }

    def to_json(self, command: str) -> dict[str, Any]:
        """The census as it is written to disk; `command` trains the best member alone."""
        return {
            "format": 1,
            "validation_accuracy": self.distribution(),
            "best": self.best.number,
            "command": command,
            "members": [
                {
                    "number": member.number,
                    "diverged": member.diverged,
                    "training": _as_json(member.training),
                    "validation": _as_json(member.validation),
                    "recipe": member.recipe.model_dump(mode="json"),
                }
                for member in self.members
            ],
        }

    def text(self) -> str:
        """The best members and the distribution, for people."""
        headings = ("member", "seed", "learning rate", "loss", "val loss", "val acc")
        found = self.distribution()
        quantiles = [f"{float(share):.0%} {it:.2%}" for share, it in found["quantiles"].items()]
        spread = found["standard_deviation"]
        deviation = "" if spread is None else f", standard deviation {spread:.2%}"
        lost = f"; {found['diverged']} diverged" if found["diverged"] else ""
        return "\n".join(
            [
                tables.table(headings, map(_row, self.members[:_ROWS_IN_TERMINAL])),
                f"\nvalidation accuracy of {len(self.members)} members: mean {found['mean']:.2%}"
                f"{deviation}{lost}",
                f"quantiles: {', '.join(quantiles)}",
            ]
        )


def take(recipes: Sequence[Recipe], epochs: Sequence[Sequence[Epoch]]) -> Census:
    """The census of all members, from `epochs` as train_population yields them."""
    members = [
        Member(number, recipe, [epoch[number] for epoch in epochs])
        for number, recipe in enumerate(recipes)
    ]
    return Census(sorted(members, key=_rank))


def _rank(member: Member) -> tuple[float, float, int]:
    if member.diverged:
        return (math.inf, math.inf, member.number)
    return (-member.validation.accuracy, member.validation.loss, member.number)


def _row(member: Member) -> list[str]:
    name = [
        str(member.number),
        str(member.recipe.seed),
        f"{member.recipe.learning_rate:.4g}",
    ]
    if member.diverged:
        return [*name, "diverged", "", ""]
    return [
        *name,
        f"{member.training.loss:.4f}",
        f"{member.validation.loss:.4f}",
        f"{member.validation.accuracy:.2%}",
    ]


def _as_json(score: Score) -> dict[str, float] | None:
    return None if math.isnan(score.accuracy) else score._asdict()
