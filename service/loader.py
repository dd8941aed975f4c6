"""From a model card to a model that is ready to answer."""

from registry.card import ModelCard
from registry.catalog import Registry
from registry.contract import MODEL_FILE
from service.classifier import Classifier


def load_classifier(registry: Registry, card: ModelCard) -> Classifier:
    """The version of `card`, verified and warm.

    Raises RegistryError where it cannot be had whole, ModelUnusableError where it does not work.
    """
    return Classifier(registry.fetch(card, MODEL_FILE), card)
