"""What the workers of one service tell one another about its models, in memory that they share."""

import mmap
import struct
from collections.abc import Sequence


class Agreement:
    """Made before the workers are forked; each field is written at once, so there are no locks."""

    def __init__(self, aliases: int) -> None:
        """Nothing is unloaded, and no move of any of so many aliases is known."""
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._sequences = struct.Struct(f"{aliases}Q")

    @property
    def is_unloaded(self) -> bool:
        """Whether the service shall have no model, until it is told to load one."""
        return self._memory[0] != 0

    @is_unloaded.setter
    def is_unloaded(self, unloaded: bool) -> None:
        self._memory[0] = unloaded

    def sequences(self) -> Sequence[int]:
        """Of each alias, the number of the latest move that a worker has gone along with."""
        return self._sequences.unpack_from(self._memory, 8)

    def tell(self, alias: int, sequence: int) -> None:
        """Let the other workers know that the alias (counted from 0) has moved so often."""
        if sequence > self.sequences()[alias]:
            struct.pack_into("Q", self._memory, 8 * (1 + alias), sequence)
