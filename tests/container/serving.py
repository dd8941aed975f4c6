"""A service that runs in a container, and requests to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from tests.container.engine import Container, Engine
from tests.programs import free_port, until


class Running(NamedTuple):
    """A service in a container."""

    container: Container
    port: int

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """The body of the answer; raises HTTPError where it is an error."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", body, named)) as answer:
            return bytes(answer.read())

    def answers(self, path: str = "/healthz") -> bool:
        """Whether `path` is answered well."""
        try:
            self.ask(path)
        except OSError:
            return False
        return True


@contextmanager
def serving(
    containers: Engine,
    image: str,
    store: Path,
    *arguments: str,
    place: str = "/registry",
    port_variable: str = "PORT",
    flags: tuple[str, ...] = ("--tmpfs=/tmp",),
    **variables: object,
) -> Iterator[Running]:
    """A service that answers, of `store`, which is mounted at `place`."""
    port = free_port()
    environment = {port_variable: port, "ZIFFER_STORE": place} | variables
    flags = (*flags, f"--volume={store}:{place}:ro")
    with containers.running(image, *arguments, environment=environment, flags=flags) as container:
        running = Running(container, port)
        process = Path(f"/proc/{container.pid}")
        until(lambda: running.answers() or not process.exists())
        assert process.exists(), "the service ended"
        yield running
