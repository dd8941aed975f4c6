"""The charts of the report, each from the document's own numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import torch
from markupsafe import Markup

from training.losses import penalty
from training.report.axes import Axis, linear, logarithmic, percent
from training.report.charts import Line, Spread, bar_chart, line_chart, spread_chart
from training.report.document import Bin, Document, Means
from training.report.statistics import wilson

_MOST_NAMED_LAYERS = 12


def loss_curves(document: Document) -> Markup:
    """Loss by epoch."""
    lines = _curves(document, lambda means: means.loss)
    y = linear([0, *(value for line in lines for _, value in line.points)])
    return _by_epoch(document, lines, y, "Loss")


def accuracy_curves(document: Document) -> Markup:
    """Accuracy by epoch."""
    lines = _curves(document, lambda means: means.accuracy)
    y = linear((value for line in lines for _, value in line.points), name=percent)
    return _by_epoch(document, lines, y, "Accuracy")


def gradients_by_epoch(document: Document) -> Markup:
    """The gradient of each layer's weights, by epoch."""
    layers = len(document.epochs[0].gradient_sizes)
    named = _named(layers)
    lines = [
        Line(
            str(layer + 1) if layer in named else "",
            [(epoch.number, epoch.gradient_sizes[layer]) for epoch in document.epochs],
            tone=layer / max(1, layers - 1),
        )
        for layer in range(layers)
    ]
    y = logarithmic(value for line in lines for _, value in line.points)
    return _by_epoch(document, lines, y, "RMS gradient of the weights, by layer")


def gradients_by_layer(networks: Sequence[tuple[str, Sequence[float]]]) -> Markup:
    """The gradient by layer for each network: its name, and root mean squares."""
    lines = [
        Line(name, list(enumerate(sizes, 1)), tone=index / max(1, len(networks) - 1), dots=True)
        for index, (name, sizes) in enumerate(networks)
    ]
    told = (
        f"{name or 'the network'} from {sizes[0]:.1e} to {sizes[-1]:.1e}"
        for name, sizes in networks
    )
    return line_chart(
        lines,
        _layers_axis(max(len(sizes) for _, sizes in networks)),
        logarithmic(y for line in lines for _, y in line.points),
        x_name="Layer, from input to output",
        y_name="RMS gradient of the weights",
        description=f"Root mean square of the gradient of each layer's weights: {'; '.join(told)}.",
    )


def calibration(bins: Sequence[Bin]) -> Markup:
    """Accuracy against confidence, and below it how many images have which confidence."""
    images = sum(bin_.count for bin_ in bins)
    shares = [(bin_.low, bin_.high, bin_.count / images) for bin_ in bins]
    return spread_chart(
        [_spread(bin_) for bin_ in bins if bin_.count],
        shares,
        linear([0, 1], name=percent),
        linear([0, 1], name=percent),
        linear([0, max(share for *_, share in shares)], name=percent, least_step=0.5),
        names=("Confidence", "Accuracy", "Images"),
        description="Accuracy against confidence: "
        + "; ".join(_spread(bin_).says for bin_ in bins if bin_.count),
    )


def penalties() -> Markup:
    """What the loss takes for a prediction, where the truth is 1 and where it is 0."""
    # Evenly spread along both curves, which reach a penalty of 5 at their far ends.
    predictions = torch.linspace(-4.99, 4.99, 100, dtype=torch.float64).sigmoid()
    truths: tuple[tuple[Literal[0, 1], str], ...] = ((1, "y = 1"), (0, "y = 0"))
    lines = [
        Line(
            name,
            list(zip(predictions.tolist(), penalty(y, predictions).tolist(), strict=True)),
            tone=y,
        )
        for y, name in truths
    ]
    return line_chart(
        lines,
        linear([0, 1]),
        linear([0, 5]),
        x_name="Prediction ŷ",
        y_name="Penalty",
        description="The penalty −ln ŷ, where the truth is 1, falls from infinity at 0 to nothing "
        "at 1; the penalty −ln(1 − ŷ), where it is 0, is its mirror image.",
    )


def learning_rates(document: Document) -> Markup:
    """The learning rate by step."""
    points = [(record.step, record.learning_rate) for record in document.schedule]
    rates = [rate for _, rate in points]
    return line_chart(
        [Line("", points, tone=0)],
        linear([0, points[-1][0] + 1], exact=True, least_step=1),
        linear([0, *rates]),
        x_name="Step",
        y_name="Learning rate η",
        description=f"The learning rate by step: from {rates[0]:g} to {rates[-1]:g}, "
        f"at most {max(rates):g}.",
    )


def rejection(document: Document) -> Markup:
    """How well digits are told from each kind of other image."""
    kinds = document.test.not_a_digit
    return bar_chart(
        [(kind, auroc, f"{auroc:.3f}") for kind, auroc in kinds.items()],
        linear([min([0.5, *kinds.values()]), 1]),
        x_name="AUROC; 0.5 is a guess",
        description="AUROC by kind of image: "
        + ", ".join(f"{kind} {auroc:.3f}" for kind, auroc in kinds.items()),
    )


def _curves(document: Document, of: Callable[[Means], float]) -> list[Line]:
    epochs = document.epochs
    lines = [Line("training", [(epoch.number, of(epoch.training)) for epoch in epochs])]
    validated = [(epoch.number, of(epoch.validation)) for epoch in epochs if epoch.validation]
    return [*lines, Line("validation", validated, tone=1)] if validated else lines


def _by_epoch(document: Document, lines: Sequence[Line], y: Axis, y_name: str) -> Markup:
    numbers = [epoch.number for epoch in document.epochs]
    told = (
        f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}"
        for line in lines
        if line.name
    )
    return line_chart(
        lines,
        linear(numbers, least_step=1, exact=True),
        y,
        x_name="Epoch",
        y_name=y_name,
        description=f"{y_name} by epoch: {'; '.join(told)}.",
    )


def _spread(bin_: Bin) -> Spread:
    low, high = wilson(round(bin_.accuracy * bin_.count), bin_.count)
    return Spread(
        bin_.confidence,
        bin_.accuracy,
        low,
        high,
        f"{bin_.count:,} images, confidence {bin_.confidence:.1%}, accuracy {bin_.accuracy:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%})",
    )


def _layers_axis(layers: int) -> Axis:
    axis = linear([1, layers], least_step=1, exact=True)
    return replace(axis, ticks=[(layer + 1, str(layer + 1)) for layer in sorted(_named(layers))])


def _named(layers: int) -> set[int]:
    """Layers, from 0, that are named: all, or as many as there is room for."""
    return {*range(0, layers, -(-layers // _MOST_NAMED_LAYERS))}
