"""From an alias to a model that is ready to answer."""

from registry.catalog import Registry
from registry.contract import MODEL_FILE
from service.classifier import Classifier


def load_classifier(registry: Registry, model: str, alias: str) -> Classifier:
    """The version of `model` that `alias` names, verified and warm.

    Where the store is away, this is the version that the alias last named, if it is in the cache.
    Raises RegistryError where it cannot be had whole, ModelUnusableError where it does not work.
    """
    resolved = registry.resolve(model, alias)
    onnx_file = registry.fetch(resolved.card, MODEL_FILE)
    return Classifier(onnx_file, resolved.card, is_stale=resolved.stale)
