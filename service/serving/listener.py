"""Find the socket on which this process accepts connections, which Granian keeps to itself."""

import os
import socket
from contextlib import suppress
from pathlib import Path


def hang_up_on_who_does_not_read(timeout_s: float) -> None:
    """Let the kernel reset connections whose clients take nothing of an answer for `timeout_s`.

    Nobody else would: an answer that does not fit into the socket's buffer waits without end.
    Connections inherit the option from the socket that accepts them.
    """
    with suppress(AttributeError, FileNotFoundError):  # Only Linux has these.
        option = socket.TCP_USER_TIMEOUT
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as candidate:
                if candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    candidate.setsockopt(socket.IPPROTO_TCP, option, round(timeout_s * 1000))
