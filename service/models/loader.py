"""From a model card to a model that is ready to answer."""

from registry.card import ModelCard
from registry.catalog import Registry
from registry.contract import GOLDEN_FILE, MODEL_FILE
from service.models import golden
from service.models.classifier import Classifier


def load_classifier(registry: Registry, card: ModelCard) -> Classifier:
    """The version of `card`, verified, warm and, where it has golden digits, tried on them.

    Raises RegistryError where it cannot be had whole, ModelUnusableError where it does not work.
    """
    classifier = Classifier(registry.fetch(card, MODEL_FILE), card)
    if GOLDEN_FILE in card.files:  # Versions of earlier releases have none.
        golden.self_test(classifier, registry.fetch(card, GOLDEN_FILE))
    return classifier
