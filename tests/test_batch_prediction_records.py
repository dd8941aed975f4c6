"""Predictions by columns say what is said of each image by itself, in either format."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from registry.card import ModelCard
from service.batch import Batch
from service.batch_prediction import json_lines, parquet, records
from service.models.classifier import Classifier, Reading
from service.verdict import Thresholds

# Thresholds that some of the probabilities below meet exactly.
LIMITS = st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0])


def reading(random_numbers: np.random.Generator, count: int, *, says_not_a_digit: bool) -> Reading:
    """Probabilities, many of them on a threshold, and many equal."""
    probabilities = random_numbers.integers(0, 5, (count, 10)) / np.float32(4)
    not_a_digit = random_numbers.integers(0, 11, count) / np.float32(10)
    return Reading(
        probabilities.astype(np.float32),
        not_a_digit.astype(np.float32) if says_not_a_digit else None,
    )


def some_images(random_numbers: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Images of which some are blank, or nearly."""
    brightest = random_numbers.choice([0, 23, 24, 255], (count, 1, 1))
    ink = random_numbers.integers(0, 2, (count, 28, 28), np.uint8)
    return ink * brightest.astype(np.uint8)


def lines(card: ModelCard, *chunks: records.Records) -> list[dict[str, Any]]:
    text = b"".join(json_lines.encode(chunk, card) for chunk in chunks)
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def card(classifier: Classifier) -> ModelCard:
    return classifier.card


@given(
    seed=st.integers(0, 999),
    count=st.integers(2, 20),
    first=st.sampled_from([0, 9, 99_999, 4_294_967_295]),
    thresholds=st.builds(Thresholds, LIMITS, LIMITS),
    says_not_a_digit=st.booleans(),
)
def test_columns_say_what_the_service_says(
    card: ModelCard,
    seed: int,
    count: int,
    first: int,
    thresholds: Thresholds,
    says_not_a_digit: bool,
) -> None:
    random_numbers = np.random.default_rng(seed)
    pixels = some_images(random_numbers, count)
    said = reading(random_numbers, count, says_not_a_digit=says_not_a_digit)

    found = lines(card, records.of_array("a.npy", first, pixels, said, thresholds))

    for row, (line, verdict) in enumerate(
        zip(found, Batch(pixels).verdicts(said, thresholds), strict=True)
    ):
        assert line["index"] == first + row
        assert (line["digit"], line["rejected"]) == (verdict.digit, verdict.rejected)
        assert line["confidence"] == pytest.approx(verdict.confidence, abs=1e-6)
        assert line["probabilities"] == pytest.approx(verdict.probabilities, abs=1e-6)
        expected = verdict.not_a_digit
        assert line["not_a_digit"] == (expected and pytest.approx(expected, abs=1e-6))


@given(st.lists(st.floats(0, 1, width=32), min_size=10, max_size=10))
def test_probabilities_keep_six_decimals(card: ModelCard, values: list[float]) -> None:
    said = Reading(np.array([values, values], np.float32), None)
    pixels = np.full((2, 28, 28), 255, np.uint8)

    [line, _] = lines(card, records.of_array("a", 0, pixels, said, Thresholds()))

    assert line["probabilities"] == pytest.approx(values, abs=6e-7)


@pytest.mark.parametrize("key", ['a "quoted" name', "é/ü\n.png", "\0", "a" * 1000])
def test_any_key_and_error_survive(card: ModelCard, key: str) -> None:
    [line] = lines(card, records.of_error(key, f"wrong: {key}"))

    assert (line["input"], line["error"]) == (key, f"wrong: {key}")


def test_an_error_leaves_all_else_unsaid(card: ModelCard) -> None:
    [line] = lines(card, records.of_error("a.npy", "no images"))

    unsaid = ("index", "digit", "confidence", "rejected", "probabilities", "not_a_digit")
    assert {line[name] for name in unsaid} == {None}


def test_every_record_names_the_model(card: ModelCard, classifier: Classifier) -> None:
    [line] = lines(card, records.of_error("a.npy", "no images"))

    assert line["model"] == {
        "name": card.name,
        "version": card.version,
        "digest": classifier.digest,
    }


def test_parquet_has_the_rows_of_json_lines(card: ModelCard) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    random_numbers = np.random.default_rng(0)
    said = reading(random_numbers, 50, says_not_a_digit=True)
    pixels = some_images(random_numbers, 50)
    chunks = [
        records.of_array("a.npy", 7, pixels, said, Thresholds()),
        records.of_error("é.npy", "damaged"),
    ]

    rows = pq.read_table(pa.BufferReader(parquet.encode(chunks, card))).to_pylist()

    for row, line in zip(rows, lines(card, *chunks), strict=True):
        assert list(row) == list(line)
        for name, value in line.items():
            is_number = isinstance(value, float | list)
            assert row[name] == (pytest.approx(value, abs=1e-6) if is_number else value), name


def test_a_part_without_images_has_the_columns_of_the_others(card: ModelCard) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")

    empty, other = (
        pq.read_table(pa.BufferReader(parquet.encode(chunks, card)))
        for chunks in ([], [records.of_error("a.npy", "damaged")])
    )

    assert empty.num_rows == 0
    assert empty.schema == other.schema
