"""Put together what is registered: the model's files, its report and its card."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import DraftCard, Lineage, Outcomes
from registry.contract import INT8_MODEL_FILE, MODEL_FILE, SIGNATURE
from training.calibration import reliability
from training.epoch import Epoch
from training.evaluate import Evaluation, answer, evaluate
from training.finish import Model, finish
from training.mnist import Digits, Mnist
from training.network import Network
from training.recipe import Recipe
from training.rejection import auroc_by_kind
from training.synthetic.non_digits import HELD_OUT_KINDS, KINDS, non_digits

# Of each kind, so that the area under the curve is known to about a thousandth.
_NON_DIGITS = 500


@dataclass(frozen=True)
class Product:
    """Everything that is published of one training."""

    files: dict[str, bytes]
    draft: DraftCard


def assemble(
    network: Network,
    history: Sequence[Epoch],
    digits: Mnist,
    recipe: Recipe,
    lineage: Lineage,
) -> Product:
    """Finish the network that `recipe` has trained, score it on the test set, and describe it.

    Raises TrainingError where the export computes something else than the network.
    """
    model = finish(network, digits, recipe)
    scores = evaluate(model.files[MODEL_FILE], digits.test)
    areas = _areas(model.files[MODEL_FILE], scores, digits.test)
    metrics = _metrics(model, scores, areas, digits.test)
    draft = DraftCard(
        recipe=recipe.model_dump(mode="json"),
        metrics=metrics,
        signature=SIGNATURE,
        lineage=lineage,
        outcomes=Outcomes.of(scores.correct.tolist(), test_set=digits.test.digest),
    )
    return Product(dict(model.files), draft)


def _metrics(
    model: Model, scores: Evaluation, areas: dict[str, float], test: Digits
) -> dict[str, float]:
    metrics = {
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "calibration_error": reliability(scores.answers.probabilities, test.labels).ece,
        "temperature": model.temperature,
        "parity_max_abs_error": model.parity,
        # Of the kinds that no network is trained on.
        "not_a_digit_auroc": sum(areas[kind] for kind in HELD_OUT_KINDS) / len(HELD_OUT_KINDS),
        "digits_taken_for_none": float((scores.answers.not_a_digit > 0.5).mean()),
    }
    if INT8_MODEL_FILE in model.files:
        metrics["int8_accuracy"] = evaluate(model.files[INT8_MODEL_FILE], test).accuracy
    return metrics


def _areas(onnx_file: bytes, scores: Evaluation, test: Digits) -> dict[str, float]:
    """How well each kind of non-digit is told from the digits of the test set, as an AUROC."""
    # No training draws from this seed, and its own digits are none that were trained on.
    others = {kind: non_digits([kind], _NON_DIGITS, 2**62, test) for kind in KINDS}
    said = {kind: answer(onnx_file, images).not_a_digit for kind, images in others.items()}
    return auroc_by_kind(scores.answers.not_a_digit, said)
