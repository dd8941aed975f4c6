"""Model cards and models to test with."""

from typing import Any

from registry.card import DraftCard, Lineage, ModelCard
from registry.catalog import Registry
from registry.contract import MODEL_FILE, SIGNATURE

DIGITS = "digits"
PRODUCTION = "production"

LINEAGE = Lineage(
    data={"train-images": "1" * 64, "t10k-images": "2" * 64},
    seed=7,
    git_commit="0123abc",
    git_dirty=False,
    packages={"torch": "2.13.0"},
    python="3.11.7",
    hardware="1 x NVIDIA H200",
)


def draft(accuracy: float = 0.97, **changes: object) -> DraftCard:
    """The draft of a model that passes the gate."""
    given: dict[str, Any] = {
        "recipe": {"hidden_layers": 3, "width": 64},
        "metrics": {"accuracy": accuracy, "loss": 0.1, "parity_max_abs_error": 1e-7},
        "signature": SIGNATURE,
        "lineage": LINEAGE,
    }
    return DraftCard.model_validate(given | changes)


DRAFT = draft()


def publish(
    registry: Registry, body: bytes = b"model", draft: DraftCard = DRAFT, model: str = DIGITS
) -> ModelCard:
    """Publish a model whose one file is `body`."""
    return registry.publish(model, {MODEL_FILE: body}, draft)
