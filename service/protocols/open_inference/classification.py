"""Triton's classification extension: the likeliest classes by name instead of all numbers."""

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def likeliest(probabilities: NDArray[np.float32], count: int) -> list[str]:
    """The `count` likeliest digits of each row of [N, 10], likeliest first, all rows in one list.

    Each is "value:index:label" as Triton writes it; the label of a digit is the digit.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(probabilities, order, axis=1)
    pairs = zip(values.ravel().tolist(), order.ravel().tolist(), strict=True)
    return [f"{value:f}:{digit}:{digit}" for value, digit in pairs]


def encode_strings(strings: Iterable[str]) -> bytes:
    """A tensor of the datatype BYTES: in front of each element its length in four bytes."""
    encoded = [string.encode() for string in strings]
    return b"".join(part for string in encoded for part in (struct.pack("<I", len(string)), string))
