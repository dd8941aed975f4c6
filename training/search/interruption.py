"""Take Ctrl-C and SIGTERM between epochs, never in the middle of writing to the storage."""

import signal
from types import FrameType


class Interruption:
    """Whether the user, or the machine, has asked the program to end."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """Note the signals from now on; the second one is obeyed at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, signal.default_int_handler)
