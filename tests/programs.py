"""Run this project's programs as a user does: in processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests/data/mnist-sample"

# What a training leaves behind when it is stopped must not lie about in the checkout.
_LEFT_BEHIND = Path(tempfile.gettempdir()) / f"ziffer-tests-{os.getuid()}"

# Learns the sample's 600 digits in a second.
QUICK_RECIPE = {
    "ZIFFER_TRAIN_RECIPE": "textbook",
    "ZIFFER_TRAIN_DATA_DIR": str(SAMPLE),
    "ZIFFER_TRAIN_CHECKSUMS": str(SAMPLE / "SHA256SUMS"),
    "ZIFFER_TRAIN_LEARNING_RATE": "0.1",
    "ZIFFER_TRAIN_BATCH_SIZE": "20",
}


def environment(**variables: object) -> dict[str, str]:
    """The environment with `variables`, without the settings of whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    elsewhere = {
        # Nobody sends requests to a service under test by way of a balancer.
        "ZIFFER_SERVE_DRAIN_S": 0,
        "ZIFFER_TRAIN_CHECKPOINT_DIR": _LEFT_BEHIND / "checkpoints",
        "ZIFFER_TRAIN_UNPUBLISHED_DIR": _LEFT_BEHIND / "unpublished",
    }
    return inherited | {name: str(value) for name, value in (elsewhere | variables).items()}


def _is_setting(name: str) -> bool:
    prefixes = ("ZIFFER_", "AWS_", "AIP_", "SAGEMAKER_", "MAKE")
    return name.startswith(prefixes) or name in {"PORT", "K_SERVICE"}


def run(
    package: str,
    *arguments: object,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m package` to its end, or until something hangs."""
    return subprocess.run(
        [sys.executable, "-m", package, *map(str, arguments)],
        cwd=ROOT,
        env=environment() if env is None else env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(holds: Callable[[], bool]) -> None:
    """Poll, for as long as a busy machine may need."""
    for _ in range(6_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@contextmanager
def serving(
    command: list[str], env: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start `command`, wait until it says where it serves, and stop it as Ctrl-C does."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield _address(process), process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    output = []
    for line in process.stdout:
        output.append(line)
        if serving := re.search(r"serving .* on (http://\S+)", line):
            _wait_until_healthy(serving[1])
            return serving[1]
    raise AssertionError(f"the program ended without serving:\n{''.join(output)}")


def _wait_until_healthy(address: str) -> None:
    """Wait out the moment between the announcement and the worker's first answer."""
    for _ in range(10_000):
        with suppress(OSError):
            time.sleep(0.01)
            urllib.request.urlopen(f"{address}/healthz").close()  # noqa: S310 - our own
            return
    raise AssertionError(f"nothing answers at {address}")
