"""Predictions as JSON Lines, written by columns.

A row for each image is laid out in bytes, every value as wide as the widest of its column, filled
up with spaces, which mean nothing to JSON. To make an object for each image and write that takes
several times as long as the prediction itself.
"""

import json
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.contract import DIGITS, MODEL_FILE
from service.batch_prediction.records import NONE, REASONS, Records

# Probabilities have six decimals.
_MILLION = 1_000_000


def _column(values: Iterable[bytes]) -> NDArray[np.bytes_]:
    """Texts filled up to the same width: one for each row, or one for all."""
    texts = list(values)
    width = max(map(len, texts))
    return np.array([text.ljust(width) for text in texts])


# The last is that of NONE, which is -1.
_DIGITS = _column([*(b"%d" % digit for digit in range(DIGITS)), b"null"])
_REASONS = _column(json.dumps(reason).encode() for reason in (*REASONS, None))


def encode(records: Records, card: ModelCard) -> bytearray:
    """One line for each of `records`, predicted by the version of `card`."""
    return _joined(
        len(records.index),
        b'{"input":',
        _column(json.dumps(key).encode() for key in records.inputs),
        b',"index":',
        _indices(records.index),
        b',"digit":',
        _DIGITS[records.digit],
        b',"confidence":',
        _decimals(records.confidence),
        b',"rejected":',
        _REASONS[records.rejected],
        b',"probabilities":',
        _lists(records.probabilities),
        b',"not_a_digit":',
        _decimals(records.not_a_digit),
        b',"error":',
        _column(_errors(records)),
        b',"model":' + _model(card) + b"}\n",
    )


def _joined(rows: int, *pieces: bytes | NDArray[Any]) -> bytearray:
    """The rows, each made of all pieces; a piece that has one value has it in each row."""
    columns: list[NDArray[Any]] = []
    # Constants that follow each other become one column: each takes its time.
    for is_constant, group in groupby(map(np.asarray, pieces), lambda piece: piece.size == 1):
        own = list(group)
        columns += [np.array(b"".join(piece.tobytes() for piece in own))] if is_constant else own
    layout = np.dtype([(f"column{number}", column.dtype) for number, column in enumerate(columns)])
    text = bytearray(rows * layout.itemsize)
    table = np.frombuffer(text, layout)
    for number, column in enumerate(columns):
        table[f"column{number}"] = column
    return text


def _errors(records: Records) -> list[bytes]:
    if not records.errors:
        return [b"null"]
    told = (records.errors.get(row) for row in range(len(records.index)))
    return [json.dumps(error).encode() for error in told]


def _model(card: ModelCard) -> bytes:
    model = {"name": card.name, "version": card.version, "digest": card.files[MODEL_FILE].digest}
    return json.dumps(model, separators=(",", ":")).encode()


def _indices(index: NDArray[np.int64]) -> NDArray[np.bytes_]:
    powers = 10 ** np.arange(max(len(str(index.max())), 4))[::-1]
    digits = (index[:, np.newaxis] // powers % 10 + ord("0")).astype(np.uint8)
    digits[:, :-1][index[:, np.newaxis] < powers[:-1]] = ord(" ")
    texts = digits.view(f"S{len(powers)}")[:, 0]
    texts[index == NONE] = b"null".ljust(len(powers))
    return texts


def _decimals(values: NDArray[np.float32]) -> NDArray[np.bytes_]:
    """Each as `0.123456`, or null where it is NaN: [N], or any shape."""
    unknown = np.isnan(values)
    millionths = np.rint(np.where(unknown, 0, values) * np.float32(_MILLION)).astype(np.int64)
    texts = _six_decimals().take(millionths).view("S8")
    texts[unknown] = b"null    "
    return texts


def _lists(values: NDArray[np.float32]) -> NDArray[np.bytes_]:
    """Each row [10] as a list, or null where it is NaN."""
    layout = [("open", "S1"), ("values", [("value", "S8"), ("comma", "S1")], (DIGITS,))]
    lists = np.zeros(len(values), np.dtype(layout))
    lists["open"] = b"["
    lists["values"]["value"] = _decimals(values)
    lists["values"]["comma"] = b","
    lists["values"]["comma"][:, -1] = b"]"
    texts = lists.view(f"S{lists.itemsize}")
    texts[np.isnan(values[:, 0])] = b"null".ljust(lists.itemsize)
    return texts


@cache
def _six_decimals() -> NDArray[np.uint64]:
    """The text of every number of millionths from 0 to a million, eight bytes each."""
    thousands = np.array([b"%03d" % number for number in range(1000)])
    table = np.zeros(_MILLION + 1, [("point", "S2"), ("high", "S3"), ("low", "S3")])
    table["point"] = b"0."
    table["high"][:-1] = np.repeat(thousands, 1000)
    table["low"][:-1] = np.tile(thousands, 1000)
    table[-1] = (b"1.", b"000", b"000")
    return table.view(np.uint64)
