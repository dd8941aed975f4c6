"""How long something has taken, whatever happens to the clocks meanwhile."""

import time


class Elapsed:
    """The time since it was made, never too short.

    The wall clock may be set back, and the monotonic one stands still while Linux sleeps: what the
    registry gives up when it has taken too long goes by the one that has run further.
    """

    def __init__(self) -> None:
        """Begin now."""
        self._wall_s = time.time()
        self._monotonic_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """How many have passed at least."""
        return max(time.time() - self._wall_s, time.monotonic() - self._monotonic_s)
