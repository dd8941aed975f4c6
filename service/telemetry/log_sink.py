"""Write lines to a descriptor without ever waiting for whoever reads them."""

import os
import socket
import stat

LONGEST_LINE = 4096
"""Bytes that Linux writes into a pipe at once or not at all, so that lines do not mix (pipe(7))."""


class LogSink:
    """Writes to what a descriptor leads to: a file, a pipe, a terminal or a socket."""

    def __init__(self, descriptor: int) -> None:
        """Write to what `descriptor` leads to now."""
        mode = os.fstat(descriptor).st_mode
        self._socket: socket.socket | None = None
        self._descriptor = -1
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))
        elif stat.S_ISREG(mode):  # It takes what it is given.
            self._descriptor = os.dup(descriptor)
        else:
            self._descriptor = _non_blocking(descriptor)

    def write(self, line: bytes) -> bool:
        """Whether `line`, of at most LONGEST_LINE bytes, could be written at once."""
        try:
            if self._socket is not None:
                return self._socket.send(line, socket.MSG_DONTWAIT) == len(line)
            return os.write(self._descriptor, line) == len(line)
        except OSError:
            return False

    def close(self) -> None:
        """Write no more; the descriptor that this was made from stays open."""
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(self._descriptor)


def _non_blocking(descriptor: int) -> int:
    """Another way to the same pipe or terminal, so that other programs still wait on theirs."""
    try:
        return os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        # In a container, it may belong to another user than the one that has it open.
        os.set_blocking(descriptor, False)
        return os.dup(descriptor)
