"""Whether the service is about to stop, as all of its processes see it."""

import mmap

_SERVING, _DRAINING, _STOPPING = range(3)


class Drain:
    """One byte of memory that the parent writes and its workers read; make it before the fork."""

    def __init__(self) -> None:
        """Nothing is about to stop."""
        self._stage = mmap.mmap(-1, 1)

    @property
    def is_draining(self) -> bool:
        """Whether clients should go elsewhere: requests are answered, readiness is refused."""
        return self._stage[0] != _SERVING

    @property
    def is_stopping(self) -> bool:
        """Whether the parent has told its workers to end."""
        return self._stage[0] == _STOPPING

    def begin(self) -> None:
        """Let readiness be refused and connections end with their next answer."""
        self._stage[0] = _DRAINING

    def stop(self) -> None:
        """Let workers believe the signal that ends them."""
        self._stage[0] = _STOPPING
