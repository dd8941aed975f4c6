"""Register one member, as `python -m training` registers its network."""

import torch

from registry.card import DraftCard, ModelCard, Outcomes
from registry.catalog import Registry
from registry.contract import MODEL_FILE, SIGNATURE
from training.data import read_checksums
from training.evaluate import evaluate
from training.export import check_parity, to_onnx
from training.lineage import lineage
from training.mnist import Digits
from training.network import Network
from training.population.settings import PopulationSettings
from training.recipe import Recipe


def publish(
    network: Network,
    recipe: Recipe,
    test: Digits,
    registry: Registry,
    settings: PopulationSettings,
    device: torch.device,
) -> ModelCard:
    """Export, check, score on the test set and publish; no alias is moved."""
    network = network.to(torch.device("cpu"))
    onnx_file = to_onnx(network, recipe.loss)
    difference = check_parity(onnx_file, network, recipe.loss, test.images)
    scores = evaluate(onnx_file, test)
    draft = DraftCard(
        recipe=recipe.model_dump(mode="json"),
        metrics={
            "accuracy": scores.accuracy,
            "loss": scores.loss,
            "parity_max_abs_error": difference,
        },
        signature=SIGNATURE,
        lineage=lineage(read_checksums(settings.data), recipe.seed, device),
        outcomes=Outcomes.of(scores.correct.tolist(), test_set=test.digest),
    )
    return registry.publish(settings.registry.model, {MODEL_FILE: onnx_file}, draft)
