"""How the series of one process lie in the memory that all processes share."""

from typing import NamedTuple

WORD_BYTES = 8

# The words at the beginning of a slot: its owner, its end, what did not fit, and where that goes.
_PROCESS = 0
_END = 1
_DROPPED = 2
_SINK = 3
LONGEST = 64
"""Values that one series can have at most."""
_ENTRIES = _SINK + LONGEST

# The words at the beginning of an entry; its name and its values follow.
_NAME_BYTES = 0
_LENGTH = 1
_IS_GAUGE = 2
_NAME = 3


class Entry(NamedTuple):
    """One series in a slot."""

    name: str
    place: int
    """The index of its first value in the whole memory."""
    length: int
    is_gauge: bool


class Slot:
    """A part of the memory, to which one process at a time appends series, and all may read.

    Entries are never moved or removed. An entry is a few float64 that describe it, its name, and
    its values.
    """

    def __init__(self, memory: memoryview, start: int, words: int) -> None:
        """The `words` float64 of `memory` (bytes) that begin with the one at `start`."""
        self._bytes = memory
        self._words: memoryview[float] = memory.cast("d")
        self._start = start
        self._limit = start + words
        self._entries: list[Entry] = []
        self._read_to = start + _ENTRIES

    @property
    def process_id(self) -> int:
        """The process that owned the slot last."""
        return int(self._words[self._start + _PROCESS])

    @property
    def dropped(self) -> int:
        """How many series had no room."""
        return int(self._words[self._start + _DROPPED])

    def own(self, process_id: int) -> None:
        """Go on where the former owner ended: its counters stay, its gauges become zero."""
        self._words[self._start + _PROCESS] = process_id
        self._words[self._start + _END] = self._end
        for _, place, length, is_gauge in self.entries():
            if is_gauge:
                self._words[place : place + length] = memoryview(bytes(length * 8)).cast("d")

    def fill(self) -> None:
        """Have no room from now on."""
        self._words[self._start + _END] = self._limit

    def append(self, name: str, length: int, *, is_gauge: bool) -> int:
        """The place of a new series, all zeros; of the sink, where there is no room."""
        text = name.encode()
        entry = self._end
        place = _values_of(entry, len(text))
        if place + length > self._limit:
            self._words[self._start + _DROPPED] += 1
            return self._start + _SINK
        self._words[entry + _NAME_BYTES] = len(text)
        self._words[entry + _LENGTH] = length
        self._words[entry + _IS_GAUGE] = is_gauge
        first_byte = (entry + _NAME) * WORD_BYTES
        self._bytes[first_byte : first_byte + len(text)] = text
        # Last, so that nobody reads half an entry.
        self._words[self._start + _END] = place + length
        return place

    def entries(self) -> list[Entry]:
        """All series."""
        # Those that were read before are still there.
        while self._read_to < self._end:
            entry = self._read(self._read_to)
            self._entries.append(entry)
            self._read_to = entry.place + entry.length
        return self._entries

    @property
    def _end(self) -> int:
        """Where the next entry begins."""
        return int(self._words[self._start + _END]) or self._start + _ENTRIES

    def _read(self, entry: int) -> Entry:
        name_bytes = int(self._words[entry + _NAME_BYTES])
        first_byte = (entry + _NAME) * WORD_BYTES
        return Entry(
            name=bytes(self._bytes[first_byte : first_byte + name_bytes]).decode(),
            place=_values_of(entry, name_bytes),
            length=int(self._words[entry + _LENGTH]),
            is_gauge=bool(self._words[entry + _IS_GAUGE]),
        )


def _values_of(entry: int, name_bytes: int) -> int:
    return entry + _NAME + -(-name_bytes // WORD_BYTES)
