"""A network between a client and a server that is slow, loses connections, or goes silent."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.registry_servers import Server

_PIECE_BYTES = 1500


class Network:
    """Passes bytes on; what it does to them can be changed while connections are open."""

    def __init__(self, server: Server, seed: int = 0) -> None:
        self.longest_delay_s = 0.0
        """Each piece waits for up to so long."""
        self.loss = 0.0
        """The probability that a connection is reset, for each piece."""
        self.is_silent = False
        """Nothing arrives any more, and nobody is told."""
        self.waiting = 0
        """How many pieces the silence holds back."""
        address = urlsplit(server.endpoint)
        self._server = (address.hostname or "", address.port or 80)
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._is_over = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def front(self) -> Server:
        """What clients are to ask."""
        return Server(f"http://127.0.0.1:{self._listener.getsockname()[1]}")

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._connect, args=[client])
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        """Break what is open, and let no thread survive."""
        self._is_over = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            _break(one)
        for thread in self._threads:
            thread.join()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._server) as server:
            self._open |= {client, server}
            if self._is_over:
                return
            back = threading.Thread(target=self._pass_on, args=(server, client))
            back.start()
            self._pass_on(client, server)
            back.join()
            self._open -= {client, server}

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                time.sleep(self._random.uniform(0, self.longest_delay_s))
                if self.is_silent:
                    self._hold_back()
                if self._random.random() < self.loss:
                    _break(source)
                    _break(target)
                    return
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _hold_back(self) -> None:
        self.waiting += 1
        while self.is_silent and not self._is_over:
            time.sleep(0.01)
        self.waiting -= 1


def _break(end: socket.socket) -> None:
    """Let the other side get a reset, in the middle of an answer or not."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def network(server: Server) -> Iterator[Network]:
    """A network that lies before `server`, and does nothing to anybody at first."""
    network = Network(server)
    thread = threading.Thread(target=network.run)
    thread.start()
    try:
        yield network
    finally:
        network.end()
        thread.join()
