"""Predictions as JSON Lines, written by columns.

A row for each image is laid out in bytes, every field as wide as its widest value, the rest of it
zeros; then the zeros are taken out. To make an object for each image and write that takes several
times as long as the prediction itself.
"""

import json
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.contract import DIGITS, MODEL_FILE
from service.batch_prediction.records import NONE, REASONS, Records

# Probabilities have six decimals.
_MILLION = 1_000_000

# With what comes before and after them, as each piece of a row takes time.
_NUMBERS = np.array(
    [
        b',"digit":%b,"confidence":' % number
        for number in [*map(b"%d".__mod__, range(DIGITS)), b"null"]
    ]
)
_REASONS = np.array(
    [f',"rejected":{json.dumps(reason)},"probabilities":'.encode() for reason in [*REASONS, None]]
)


def encode(records: Records, card: ModelCard) -> bytearray:
    """One line for each of `records`, predicted by the version of `card`."""
    inputs = [json.dumps(key).encode() for key in records.inputs]
    tail = b',"model":%b}\n' % _model(card)
    return _joined(
        len(records.index),
        _constant_or_column(b'{"input":%b,"index":', inputs),
        _indices(records.index),
        _NUMBERS[records.digit],
        _decimals(records.confidence),
        _REASONS[records.rejected],
        _lists(records.probabilities),
        np.array([b',"not_a_digit":']),
        _decimals(records.not_a_digit),
        _constant_or_column(b',"error":%b' + tail.replace(b"%", b"%%"), _errors(records)),
    )


def _joined(rows: int, *pieces: NDArray[Any]) -> bytearray:
    """The rows, each made of all pieces; a piece that has one value has it in each row."""
    layout = np.dtype([(f"piece{number}", piece.dtype) for number, piece in enumerate(pieces)])
    text = bytearray(rows * layout.itemsize)
    table = np.frombuffer(text, layout)
    for number, piece in enumerate(pieces):
        table[f"piece{number}"] = piece
    return text.translate(None, b"\0")


def _constant_or_column(template: bytes, values: list[bytes]) -> NDArray[np.bytes_]:
    return np.array([template % value for value in values])


def _errors(records: Records) -> list[bytes]:
    if not records.errors:
        return [b"null"]
    told = (records.errors.get(row) for row in range(len(records.index)))
    return [json.dumps(error).encode() for error in told]


def _model(card: ModelCard) -> bytes:
    model = {"name": card.name, "version": card.version, "digest": card.files[MODEL_FILE].digest}
    return json.dumps(model, separators=(",", ":")).encode()


def _indices(index: NDArray[np.int64]) -> NDArray[np.bytes_]:
    text = index.astype("S20")
    text[index == NONE] = b"null"
    return text


def _decimals(values: NDArray[np.float32]) -> NDArray[np.bytes_]:
    """Each as `0.123456`, or null where it is NaN: [N], or any shape."""
    unknown = np.isnan(values)
    millionths = np.rint(np.where(unknown, 0, values) * np.float32(_MILLION)).astype(np.int32)
    texts = _six_decimals()[millionths]
    texts[unknown] = _NULL
    return texts.view("S8")


_NULL = np.array([b"null"], "S8").view(np.uint64)[0]


def _lists(values: NDArray[np.float32]) -> NDArray[np.void]:
    """Each row [10] as a list, or null."""
    layout = [("open", "S1"), ("values", [("value", "S8"), ("comma", "S1")], (DIGITS,))]
    lists = np.zeros(len(values), np.dtype(layout))
    lists["open"] = b"["
    lists["values"]["value"] = _decimals(values)
    lists["values"]["comma"] = b","
    lists["values"]["comma"][:, -1] = b"]"
    unknown = np.isnan(values[:, 0])
    if unknown.any():
        lists[unknown] = np.zeros(1, lists.dtype)
        lists["values"]["value"][unknown, 0] = b"null"
    return lists


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
