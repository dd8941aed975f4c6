"""From an alias to a model that is ready to answer."""

from registry.catalog import Registry
from registry.contract import MODEL_FILE
from service.classifier import Classifier


def load_classifier(registry: Registry, model: str, alias: str) -> Classifier:
    """The version of `model` that `alias` names, verified and warm.

    Raises RegistryError where it cannot be had whole, ModelUnusableError where it does not work.
    """
    card = registry.resolve(model, alias).card
    return Classifier(registry.fetch(card, MODEL_FILE), card)
