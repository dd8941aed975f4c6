"""The report: what it says, that it stands alone, and that it is fit to be looked at."""

import base64
import io
import json
import math
import re
from dataclasses import replace
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from playwright.sync_api import Browser

from docs import figures as docs_figures
from registry.documents import sha256
from tests.programs import ROOT
from training import mnist
from training.epoch import Epoch, Score
from training.evaluate import answer
from training.export import to_onnx
from training.lineage import lineage
from training.mnist import Mnist
from training.network import build
from training.recipe import Recipe
from training.report import pictures
from training.report.axes import Axis, linear, logarithmic
from training.report.description import describe
from training.report.document import Document
from training.report.statistics import wilson
from training.report.subject import Subject, VersionFile
from training.report.writing import write
from training.train import train

KINDS = {"letters": 0.93, "clothes": 0.987, "noise": 1.0}


@pytest.fixture(scope="module")
def subject(sample: Mnist) -> Subject:
    """A network of three layers that was trained on the sample, and reads some of it wrongly."""
    recipe = Recipe(epochs=6, batch_size=20, learning_rate=0.1, validation_size=100, width=32)
    network = build(recipe)
    history = list(train(network, sample.train, recipe))
    onnx_file = to_onnx(network, recipe.loss)
    probabilities = answer(onnx_file, sample.test.images).probabilities
    accuracy = float((probabilities.argmax(1) == sample.test.labels).mean())
    return Subject(
        model="digits",
        recipe=recipe,
        lineage=lineage(mnist.CHECKSUMS, recipe.seed, torch.device("cpu")),
        history=history,
        training_images=len(sample.train) - recipe.validation_size,
        parameters=len(network.parameters),
        device="cpu",
        cpu_seconds=1.5,
        test=sample.test,
        probabilities=probabilities,
        first_layer=network.layers[0].weight.numpy(),
        files=[
            VersionFile(
                name="model.onnx",
                digest=sha256(onnx_file),
                size_bytes=len(onnx_file),
                accuracy=accuracy,
            )
        ],
        metrics={"accuracy": accuracy, "parity_max_abs_error": 1.2e-6},
    )


def page_of(subject: Subject) -> str:
    return write(subject)["report.html"].decode()


def epochs(count: int, gradient_sizes: tuple[float, ...]) -> list[Epoch]:
    """A training whose loss falls like 1/n."""
    return [
        Epoch(number, Score(2 / number, 1 - 0.9 / number), None, gradient_sizes, 0.25)
        for number in range(1, count + 1)
    ]


def deep(subject: Subject) -> Subject:
    return replace(subject, history=epochs(3, tuple(10.0**-power for power in range(20, 0, -1))))


def even(subject: Subject) -> Subject:
    return replace(subject, history=epochs(3, tuple(1e-3 + 1e-6 * layer for layer in range(9))))


def of_one_epoch(subject: Subject) -> Subject:
    return replace(subject, history=epochs(1, (1e-3,)), first_layer=subject.first_layer[:10])


def stopped(subject: Subject) -> Subject:
    return replace(subject, history=epochs(2, (0.0, 1e-3, 0.0)))


def faultless(subject: Subject) -> Subject:
    return replace(subject, probabilities=np.eye(10)[subject.test.labels])


def rejecting(subject: Subject) -> Subject:
    return replace(subject, not_a_digit=KINDS)


def unchanged(subject: Subject) -> Subject:
    return subject


ALL_KINDS = [unchanged, deep, even, of_one_epoch, stopped, faultless, rejecting]


def test_equal_subjects_give_equal_bytes(subject: Subject) -> None:
    assert write(subject) == write(replace(subject))


def test_page_refers_to_nothing_outside_itself(subject: Subject) -> None:
    page = page_of(subject)

    assert "://" not in page
    assert all(
        target.startswith("data:image/png;base64,")
        for target in re.findall(r"""(?:src|href|srcset|url\()=?["']?([^"')]*)""", page)
    )
    assert "<script" not in page
    assert "@import" not in page


def test_document_gives_the_page_its_numbers_back(subject: Subject) -> None:
    body = write(subject)["report.json"]

    assert Document.model_validate_json(body) == describe(subject)
    json.loads(body, parse_constant=pytest.fail)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_figure_that_is_not_finite_is_refused(subject: Subject, bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        write(replace(subject, metrics={"loss": bad}))


def test_names_are_escaped(subject: Subject) -> None:
    name = '<img src=x onerror="alert(1)"> & co'
    files = [*subject.files, subject.files[0].model_copy(update={"name": name})]

    page = page_of(
        replace(
            subject,
            model=name,
            device=name,
            files=files,
            not_a_digit={name: 0.9},
            metrics={name: 1.0},
        )
    )

    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=&#34;alert(1)&#34;&gt; &amp; co") >= 6


def test_head_names_score_interval_and_digest(subject: Subject) -> None:
    page = page_of(subject)
    correct = round(subject.metrics["accuracy"] * 200)
    low, high = wilson(correct, 200)

    assert f"{correct} of 200 test images" in page
    assert f"{correct / 2:.2f}\N{NO-BREAK SPACE}%" in page
    assert f"{low:.2%}".replace("%", "\N{NO-BREAK SPACE}%") in page
    assert f"{high:.2%}".replace("%", "\N{NO-BREAK SPACE}%") in page
    assert f"sha256:{subject.files[0].digest}" in page


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)


def test_scores_of_a_digit_follow_from_the_confusion_matrix(subject: Subject) -> None:
    document = describe(subject)
    counts = np.array(document.confusion)

    assert counts.sum() == document.test.images
    assert counts.trace() == document.test.correct
    for digit in document.digits:
        right = counts[digit.digit, digit.digit]
        assert digit.support == (subject.test.labels == digit.digit).sum()
        assert digit.recall == pytest.approx(right / counts[digit.digit].sum())
        assert digit.precision == pytest.approx(right / counts[:, digit.digit].sum())
        assert digit.precision is not None
        assert digit.recall is not None
        assert digit.f1 == pytest.approx(
            2 * digit.precision * digit.recall / (digit.precision + digit.recall)
        )


def test_digit_that_is_never_read_has_no_precision(subject: Subject) -> None:
    always_one = np.tile(np.eye(10)[1], (len(subject.test), 1))

    document = describe(replace(subject, probabilities=always_one))

    assert document.digits[0].precision is None
    assert document.digits[0].recall == 0


def test_worst_mistakes_are_the_most_confident(subject: Subject) -> None:
    document = describe(subject)
    confidence = [mistake.confidence for mistake in document.mistakes]
    wrong = subject.probabilities.argmax(1) != subject.test.labels

    assert confidence == sorted(confidence, reverse=True)
    assert len(confidence) == min(30, wrong.sum())
    assert confidence[0] == subject.probabilities.max(1)[wrong].max()
    assert all(wrong[mistake.index] for mistake in document.mistakes)


def test_each_mistake_is_shown_as_it_is_in_the_test_set(subject: Subject) -> None:
    document = describe(subject)
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)"[^>]*alt="Test', page_of(subject))

    assert len(images) == len(document.mistakes)
    for image, mistake in zip(images, document.mistakes, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))
        assert (255 - shown == subject.test.images[mistake.index]).all()


def test_zero_weight_is_transparent_between_two_colours() -> None:
    unit = np.zeros((1, 784), np.float32)
    unit[0, :3] = -2, 2, 4

    sprite = pictures.weights(unit, full=2)

    _, _, encoded = sprite.uri.partition(",")
    colours = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    assert colours.shape == (28, 28, 4)
    assert tuple(colours[0, 0]) == (*pictures.NEGATIVE, 255)
    assert tuple(colours[0, 1]) == tuple(colours[0, 2]) == (*pictures.POSITIVE, 255)
    assert (colours[1:, :, 3] == 0).all()


def test_of_many_units_those_with_the_largest_norm_are_shown(subject: Subject) -> None:
    weights = np.ones((100, 784), np.float32) * np.arange(100, dtype=np.float32)[:, None]

    document = describe(replace(subject, first_layer=weights))

    assert [unit.index for unit in document.units] == list(range(36, 100))
    assert "64 of 100 units" in page_of(replace(subject, first_layer=weights))


def test_settings_that_are_not_the_textbooks_are_marked(subject: Subject) -> None:
    rows = re.findall(r'<tr class="other">\s*<th scope="row">([^<]+)', page_of(subject))

    assert rows == ["width", "learning rate", "batch size", "epochs", "validation size"]


def test_layer_that_hardly_learns_is_named(subject: Subject) -> None:
    page = page_of(deep(subject))

    assert "Layer 1 of 20 hardly learns: its gradient is 1e-19 of the last layer" in page
    assert "And 12 more warnings" in page
    assert "Every layer learns" in page_of(subject)


def test_learning_rate_is_that_of_the_steps_taken(subject: Subject) -> None:
    recipe = subject.recipe.model_copy(update={"schedule": "cosine", "epochs": 12})

    schedule = describe(replace(subject, recipe=recipe)).schedule

    # Six of twelve epochs of 25 steps were run, so that half of the cosine is over.
    assert schedule[0].learning_rate == 0.1
    assert schedule[-1].step == 149
    assert schedule[-1].learning_rate == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize(
    ("augmentation", "words"), [("none", "while the network changes;"), ("mild", "on distorted")]
)
def test_page_says_what_training_scores_are(
    subject: Subject, augmentation: str, words: str
) -> None:
    recipe = subject.recipe.model_copy(update={"augmentation": augmentation})

    assert words in " ".join(page_of(replace(subject, recipe=recipe)).split())


def test_long_training_makes_no_large_page(subject: Subject) -> None:
    page = page_of(replace(subject, history=epochs(20_000, (1e-4, 1e-3, 1e-2))))

    assert len(page) < 400_000


# What is wrong with the charts as the browser sets them: text that is cut off, or on other text.
FLAWS = """
() => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const sheet = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map((text) => {
    const box = text.getBoundingClientRect();
    return { words: text.textContent, left: box.left, right: box.right,
             top: box.top + 2, bottom: box.bottom - 2 };
  });
  const outside = texts.filter((text) => text.left < sheet.left - 1 || text.right > sheet.right + 8
    || text.top < sheet.top - 4 || text.bottom > sheet.bottom + 4);
  const overlapping = texts.filter((one, index) => texts.some((other, place) => place < index
    && one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom));
  return [...outside, ...overlapping].map((text) => `${svg.ariaLabel}: ${text.words}`);
})
"""


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1200, "light")])
def test_page_is_set_without_flaws(
    browser: Browser,
    subject: Subject,
    kind: Any,  # noqa: ANN401 - a function of ALL_KINDS
    width: int,
    scheme: Literal["dark", "light"],
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("requestfailed", lambda request: messages.append(request.url[:80]))

    page.set_content(page_of(kind(subject)))

    assert messages == []
    assert page.evaluate(FLAWS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    assert page.locator("svg:not([aria-label]), img:not([alt]), table:not(:has(th))").count() == 0
    context.close()


finite = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))


def assert_sound(axis: Axis, values: list[float]) -> None:
    names = [name for _, name in axis.ticks]
    assert all(-1e-6 <= axis.share(value) <= 1 + 1e-6 for value in values)
    assert 2 <= len(names) <= 12
    assert len(set(names)) == len(names)
    assert all(-1e-6 <= axis.share(value) <= 1 + 1e-6 for value, _ in axis.ticks)


@given(st.lists(finite, min_size=1))
def test_linear_axis_holds_its_values_and_names_a_few(values: list[float]) -> None:
    assert_sound(linear(values), values)


@given(st.lists(st.floats(1e-60, 1e6), min_size=1))
def test_logarithmic_axis_holds_its_values_and_names_a_few(values: list[float]) -> None:
    assert_sound(logarithmic(values), values)


def test_zero_has_no_place_on_a_logarithmic_axis() -> None:
    assert not logarithmic([0.0, 1.0]).holds(0.0)


def test_penalty_in_docs_is_the_codes_own() -> None:
    assert (ROOT / "docs/penalty.svg").read_text() == docs_figures.penalty()


@pytest.mark.parametrize("figure", ["penalty.svg", "vanishing-gradients.svg"])
def test_figure_in_docs_is_a_file_of_its_own(figure: str) -> None:
    content = (ROOT / "docs" / figure).read_text()

    root = ElementTree.fromstring(content)  # noqa: S314 - a file of this project

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(--paper)" in content
    assert "prefers-color-scheme: dark" in content
