"""Real S3 servers, each started on free loopback ports and stopped again."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import boto3

from registry.s3 import S3Store, connect
from registry.settings import RegistrySettings

ACCESS_KEY = "reader"
SECRET_KEY = "not-a-secret-0"  # noqa: S105 - it opens only the servers started here
BUCKET = "models"


class Server(NamedTuple):
    """One running S3 server with a bucket."""

    endpoint: str

    def settings(self, cache: Path, **changes: object) -> RegistrySettings:
        """Settings for a registry in a corner of the bucket that nobody else uses."""
        given: dict[str, object] = {
            "store": f"s3://{BUCKET}/{uuid.uuid4().hex}",
            "s3_endpoint_url": self.endpoint,
            "s3_region": "us-east-1",
            "s3_path_style": True,
            "s3_access_key_id": ACCESS_KEY,
            "s3_secret_access_key": SECRET_KEY,
            "cache_dir": cache,
        }
        return RegistrySettings.model_validate(given | changes)

    def store(self, cache: Path) -> S3Store:
        """A store in a corner of the bucket that nobody else uses."""
        return connect(self.settings(cache), BUCKET, uuid.uuid4().hex, cache)


class SeaweedFS:
    """A single-node SeaweedFS with a directory and ports of its own, to be killed and restarted.

    Signatures, checksums and every precondition are real.
    """

    def __init__(self, directory: Path) -> None:
        """Keep everything in `directory`; nothing runs yet."""
        port, *others = free_ports(2 * len(_SERVICES))
        self.server = Server(f"http://127.0.0.1:{port}")
        self._command = _seaweedfs_command(directory, [*others[:3], port], others[3:])
        self._port = port
        self._life = ExitStack()

    def start(self) -> None:
        """Run until it can be written to."""
        self._life.enter_context(_running(self._command, self._port))

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._life.close()


_SERVICES = ("master", "volume", "filer", "s3")


def _seaweedfs_command(directory: Path, ports: list[int], grpc: list[int]) -> list[str]:
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    return [
        _program("weed"),
        "server",
        f"-dir={directory}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # Each bucket takes seven volumes of this size; 0 lets there be as many as it likes.
        "-volume.max=0",
        "-master.volumeSizeLimitMB=32",
        "-master.telemetry=false",
        # The only master need not wait long for others before it leads again.
        "-master.electionTimeout=1s",
        *(f"-{name}.port={port}" for name, port in zip(_SERVICES, ports, strict=True)),
        *(f"-{name}.port.grpc={port}" for name, port in zip(_SERVICES, grpc, strict=True)),
    ]


@contextmanager
def restartable_seaweedfs() -> Iterator[SeaweedFS]:
    """A running SeaweedFS, which may be killed meanwhile."""
    with tempfile.TemporaryDirectory(prefix="ziffer-seaweedfs-") as data:
        seaweed = SeaweedFS(Path(data))
        seaweed.start()
        try:
            yield seaweed
        finally:
            seaweed.kill()


@contextmanager
def seaweedfs() -> Iterator[Server]:
    """A SeaweedFS that runs all the while."""
    with restartable_seaweedfs() as seaweed:
        yield seaweed.server


@contextmanager
def moto() -> Iterator[Server]:
    """moto's server: preconditions are real, checksums and credentials are not looked at."""
    [port] = free_ports(1)
    with _running([_program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port) as server:
        yield server


@contextmanager
def localbucket() -> Iterator[Server]:
    """A server that honours If-None-Match on writing and silently ignores If-Match."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ziffer-localbucket-") as data:
        command = [_program("localbucket"), "--port", str(port), data]
        with _running(command, port) as server:
            yield server


@contextmanager
def nanio() -> Iterator[Server]:
    """A server that silently ignores every precondition."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ziffer-nanio-") as data:
        options = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", data]
        command = [_program("nanio"), "serve", *options, "--no-access-log"]
        with _running(command, port) as server:
            yield server


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at present."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _program(name: str) -> str:
    """A program that pip put beside this Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is missing: pip install the extra `test`"
    return found


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[Server]:
    environ = os.environ | {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environ, start_new_session=True
        )
        try:
            server = Server(f"http://127.0.0.1:{port}")
            _await_bucket(process, server)
            yield server
        except TimeoutError:
            output.seek(0)
            raise RuntimeError(output.read()[-4000:].decode(errors="replace")) from None
        finally:
            # Not terminate: SeaweedFS takes ten seconds to take its leave.
            process.kill()
            process.wait()


def _await_bucket(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + 60
    while not _answers(server.endpoint):
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError
        time.sleep(0.05)
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    # A server that was killed still has the bucket.
    is_there = (client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou)
    while True:
        try:
            with suppress(*is_there):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
        except client.exceptions.ClientError:
            # SeaweedFS answers before it can write.
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(0.1)
        else:
            client.close()
            return


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint, timeout=1):  # noqa: S310 - a loopback address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
