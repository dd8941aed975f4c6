"""Put together what is registered: the model's files, its report and its card."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import DraftCard, Lineage, Outcomes
from registry.contract import GOLDEN_FILE, INT8_MODEL_FILE, MODEL_FILE, SIGNATURE
from registry.documents import sha256
from training.calibration import reliability
from training.epoch import Epoch
from training.evaluate import Evaluation, answer, evaluate
from training.finish import Model, finish
from training.golden import golden_file
from training.hard_images import images_taken
from training.mnist import Digits, Mnist
from training.network import Network
from training.recipe import Recipe
from training.rejection import auroc_by_kind
from training.report.subject import Subject, VersionFile
from training.report.writing import write
from training.synthetic.non_digits import HELD_OUT_KINDS, non_digits

# Of each kind.
_NON_DIGITS = 200


@dataclass(frozen=True)
class Product:
    """Everything that is published of one training."""

    files: dict[str, bytes]
    draft: DraftCard


def assemble(
    name: str,
    network: Network,
    history: Sequence[Epoch],
    digits: Mnist,
    recipe: Recipe,
    lineage: Lineage,
) -> Product:
    """Finish the network that `recipe` has trained, score it on the test set, and describe it.

    `name` is what the model is called; `history` has at least one epoch.

    Raises TrainingError where the export computes something else than the network.
    """
    model = finish(network, digits, recipe)
    scores = evaluate(model.files[MODEL_FILE], digits.test)
    areas = _areas(model.files[MODEL_FILE], scores, digits.test)
    metrics = _metrics(model, scores, areas, digits.test)
    subject = Subject(
        model=name,
        recipe=recipe,
        lineage=lineage,
        history=history,
        training_images=_images_per_epoch(digits.train, recipe),
        parameters=len(network.parameters),
        device=lineage.device or "cpu",
        cpu_seconds=time.process_time(),
        test=digits.test,
        probabilities=scores.answers.probabilities,
        first_layer=model.network.layers[0].weight.numpy(),
        files=_listed(model, metrics),
        metrics=metrics,
        not_a_digit=areas,
    )
    draft = DraftCard(
        recipe=recipe.model_dump(mode="json"),
        metrics=metrics,
        signature=SIGNATURE,
        lineage=lineage,
        outcomes=Outcomes.of(scores.correct.tolist(), test_set=digits.test.digest),
    )
    golden = {GOLDEN_FILE: golden_file(model.files[MODEL_FILE], digits.test)}
    return Product({**model.files, **golden, **write(subject)}, draft)


def _images_per_epoch(digits: Digits, recipe: Recipe) -> int:
    drawn = recipe.printed_digits + recipe.non_digits
    return images_taken(len(digits) - recipe.validation_size + drawn, recipe.epoch_share)


def _metrics(
    model: Model, scores: Evaluation, areas: dict[str, float], test: Digits
) -> dict[str, float]:
    metrics = {
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "calibration_error": reliability(scores.answers.probabilities, test.labels).ece,
        "temperature": model.temperature,
        "parity_max_abs_error": model.parity,
        "not_a_digit_auroc": sum(areas.values()) / len(areas),
        "digits_taken_for_none": float((scores.answers.not_a_digit > 0.5).mean()),
    }
    if INT8_MODEL_FILE in model.files:
        metrics["int8_accuracy"] = evaluate(model.files[INT8_MODEL_FILE], test).accuracy
    return metrics


def _areas(onnx_file: bytes, scores: Evaluation, test: Digits) -> dict[str, float]:
    """How well kinds that no network is trained on are told from the test digits, as AUROCs."""
    others = {kind: non_digits([kind], _NON_DIGITS, 0, test) for kind in HELD_OUT_KINDS}
    said = {kind: answer(onnx_file, images).not_a_digit for kind, images in others.items()}
    return auroc_by_kind(scores.answers.not_a_digit, said)


def _listed(model: Model, metrics: dict[str, float]) -> list[VersionFile]:
    """The files of the model, for the report's table of them."""
    accuracies = {
        MODEL_FILE: metrics["accuracy"],
        INT8_MODEL_FILE: metrics.get("int8_accuracy"),
    }
    return [
        VersionFile(name=name, digest=sha256(body), size_bytes=len(body), accuracy=accuracies[name])
        for name, body in model.files.items()
    ]
