"""Write lines to a descriptor without ever waiting for whoever reads them."""

import os
import socket
import stat
from collections.abc import Callable

LONGEST_LINE = 4096
"""Bytes that Linux writes into a pipe at once or not at all, so that lines do not mix (pipe(7))."""


def open_sink(descriptor: int) -> Callable[[bytes], bool]:
    """What writes a line of at most LONGEST_LINE bytes, and says whether it could."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return _socket_sink(descriptor)
    # A file takes what it is given; all else may be full, and stay so.
    target = descriptor if stat.S_ISREG(mode) else _non_blocking(descriptor)

    def write(line: bytes) -> bool:
        try:
            return os.write(target, line) == len(line)
        except OSError:
            return False

    return write


def _socket_sink(descriptor: int) -> Callable[[bytes], bool]:
    stream = socket.socket(fileno=os.dup(descriptor))

    def write(line: bytes) -> bool:
        try:
            return stream.send(line, socket.MSG_DONTWAIT) == len(line)
        except OSError:
            return False

    return write


def _non_blocking(descriptor: int) -> int:
    """Another way to the same pipe or terminal, so that other programs still wait on theirs."""
    try:
        return os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        # In a container, it may belong to another user than the one that has it open.
        os.set_blocking(descriptor, False)
        return descriptor
