"""Clients that ask a service all the while, and remember every answer."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_BROKEN = (OSError, http.client.HTTPException)

_RAW = "Inference-Header-Content-Length"


class Answer(NamedTuple):
    """What became of one request."""

    image: int
    version: int | None
    """The version that was asked for; None: whatever the alias names."""
    ended_s: float
    """On the monotonic clock."""
    status: int
    """0: the connection broke."""
    digest: str = ""
    probabilities: NDArray[np.float32] | None = None


class Traffic:
    """Some clients, each on one connection, that ask about one of `images` after the other."""

    def __init__(
        self,
        url: str,
        images: NDArray[np.uint8],
        *,
        clients: int = 3,
        versions: tuple[int, ...] = (),
    ) -> None:
        """Ask for the versions in between, if there are any."""
        self.clients = clients
        self.answers: list[Answer] = []
        self._address = url.removeprefix("http://")
        self._images = images
        self._versions = versions
        self._is_over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask_on, args=[n]) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def digests_since(self, moment_s: float) -> list[str]:
        """Of what was answered by whatever the alias names."""
        recent = [answer for answer in self.answers if answer.ended_s > moment_s]
        return [answer.digest for answer in recent if answer.version is None and answer.digest]

    def _ask_on(self, seed: int) -> None:
        choices = random.Random(seed)
        connection = http.client.HTTPConnection(self._address, timeout=60)
        while not self._is_over.is_set():
            image = choices.randrange(len(self._images))
            version = choices.choice([None, None, None, *self._versions])
            try:
                self.answers.append(self._asked(connection, image, version))
            except _BROKEN:
                connection.close()
                self.answers.append(Answer(image, version, time.monotonic(), 0))
            time.sleep(0.002)  # Two cores have the service to run as well.
        connection.close()

    def _asked(
        self, connection: http.client.HTTPConnection, image: int, version: int | None
    ) -> Answer:
        body = self._images[image].tobytes()
        if version is None:
            path, headers = "/predict", {"Content-Type": "application/octet-stream"}
        else:
            path, headers = f"/v2/models/digits/versions/{version}/infer", {_RAW: "0"}
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        content = response.read()
        ended_s = time.monotonic()
        if response.status != 200:
            return Answer(image, version, ended_s, response.status)
        if version is None:
            probabilities = np.array(json.loads(content)["probabilities"], np.float32)
        else:
            after = int(response.headers[_RAW])
            probabilities = np.frombuffer(content, np.float32, 10, after)
        digest = response.headers["X-Model-Digest"]
        return Answer(image, version, ended_s, 200, digest, probabilities)


def answered_by(url: str, body: bytes) -> str:
    """The digest of the model that answers a request on a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("POST", "/predict", body)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        return response.headers["X-Model-Digest"]
    finally:
        connection.close()
