"""How the work is divided into units, each of which makes one part of OUTPUT.

The division follows from the listing alone, so every machine comes to the same without asking.
"""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from registry.contract import IMAGE_PIXELS
from service.batch_prediction.inputs import Input, Kind
from service.batch_prediction.settings import Shard

# Of the pictures that a unit may hold in memory at once.
_MOST_GROUP_BYTES = 64 << 20


class Unit(NamedTuple):
    """A group of pictures, or a slice of one array."""

    number: int
    files: tuple[Input, ...]
    start: int = 0
    """Of a slice: the first byte of its pixels, counted from the first of the array."""
    size_bytes: int | None = None
    """Of a slice: how many bytes; None for the rest of the file."""

    @property
    def name(self) -> str:
        """What its part is called: its place in the order, and a mark of what it is made of."""
        mark = sha256(json.dumps([self.files, self.start, self.size_bytes]).encode())
        return f"{self.number:06d}-{mark.hexdigest()[:12]}"

    @property
    def weight(self) -> int:
        """About how many bytes are to be read."""
        if self.size_bytes is not None:
            return self.size_bytes
        return sum(file.size_bytes for file in self.files) - self.start


def divide(files: Iterable[Input], *, images_per_part: int, files_per_part: int) -> list[Unit]:
    """The units of `files`, which are in the order of their keys."""
    pieces = _pieces(files, images_per_part * IMAGE_PIXELS, files_per_part)
    return [piece._replace(number=number) for number, piece in enumerate(pieces)]


def share(units: Iterable[Unit], shard: Shard) -> list[Unit]:
    """Those of `units` that one machine of many predicts."""
    return [unit for unit in units if unit.number % shard.count == shard.index]


def _pieces(files: Iterable[Input], slice_bytes: int, files_per_part: int) -> Iterator[Unit]:
    group: list[Input] = []
    for file in files:
        if file.kind is not Kind.PICTURE:
            yield from _slices(file, slice_bytes)
            continue
        if group and (len(group) == files_per_part or _is_full(group, file)):
            yield Unit(0, tuple(group))
            group = []
        group.append(file)
    if group:
        yield Unit(0, tuple(group))


def _is_full(group: list[Input], file: Input) -> bool:
    return sum(one.size_bytes for one in (*group, file)) > _MOST_GROUP_BYTES


def _slices(file: Input, slice_bytes: int) -> Iterator[Unit]:
    """Slices of equal size, and a last one of half to one and a half times that.

    So a header, whose length the listing does not tell, makes no slice of its own.
    """
    count = 1 if file.kind is Kind.ZIPPED else max(1, round(file.size_bytes / slice_bytes))
    for index in range(count - 1):
        yield Unit(0, (file,), index * slice_bytes, slice_bytes)
    yield Unit(0, (file,), (count - 1) * slice_bytes)
