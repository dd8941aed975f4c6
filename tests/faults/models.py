"""Models that nobody can mistake for each other, and what exactly each of them says."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.card import DraftCard, ModelCard
from registry.catalog import Registry
from registry.contract import GOLDEN_FILE, MODEL_FILE
from service.models.classifier import Classifier
from tests.registry_examples import DIGITS, PRODUCTION
from training.export import to_onnx
from training.golden import golden_file
from training.mnist import Digits
from training.network import build
from training.recipe import Recipe


class Release(NamedTuple):
    """A registered model."""

    card: ModelCard
    answers: NDArray[np.float32]
    """What it says of each image, one at a time, bit by bit: probabilities [N, 10]."""

    @property
    def digest(self) -> str:
        return self.card.files[MODEL_FILE].digest


def release_draft(like: Registry) -> DraftCard:
    """What is said of a model that passes the gate."""
    return like.resolve(DIGITS, PRODUCTION).card.draft


def publish_distinct(
    registry: Registry, draft: DraftCard, digits: Digits, images: NDArray[np.uint8], count: int = 3
) -> list[Release]:
    """Publish `count` networks that have learnt nothing, each something else."""
    releases = []
    for seed in range(count):
        onnx_file = to_onnx(build(Recipe(seed=seed)), "categorical_cross_entropy")
        files = {MODEL_FILE: onnx_file, GOLDEN_FILE: golden_file(onnx_file, digits)}
        card = registry.publish(DIGITS, files, draft)
        classifier = Classifier(onnx_file, card)
        answers = [classifier.predict(image[None]).probabilities[0] for image in images]
        releases.append(Release(card, np.array(answers)))
    assert len({release.answers.tobytes() for release in releases}) == count
    return releases
