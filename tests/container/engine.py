"""Build and run images with buildah and podman, as root and without a daemon."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.container.base import mirror, stand_in
from tests.container.pip_settings import PipSettings
from tests.programs import ROOT

# As the Dockerfile names it.
BASE = "docker.io/library/python:3.11-slim"
TOOLS = ("buildah", "podman", "runc", "mmdebstrap")

# What an orchestrator restricts, and what works without systemd, user namespaces and seccomp.
RESTRICTIONS = (
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--memory=512m"),
    *("--network=host", "--no-healthcheck", "--security-opt=seccomp=unconfined"),
    *("--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"),
)


def missing() -> str | None:
    """What there is not of all that these tests need."""
    if os.getuid() != 0:
        return "the tests of the image run as root only: they make file systems"
    if tools := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"not installed: {', '.join(tools)}"
    if mirror() is None:
        return "apt knows no packages, of which the image's base is made: run apt-get update"
    return None


class Container(NamedTuple):
    """A running container."""

    engine: "Engine"
    name: str

    def inspect(self) -> dict[str, Any]:
        """All that podman says of it."""
        (description,) = json.loads(self.engine.podman("container", "inspect", self.name))
        return dict(description)

    @property
    def pid(self) -> int:
        """The service, as the host sees it."""
        return int(self.inspect()["State"]["Pid"])

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `command` within."""
        return subprocess.run(
            [*self.engine.command, "exec", self.name, *command],
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> int:
        """Stop it as orchestrators do, by SIGTERM and patience; its exit status."""
        self.engine.podman("stop", "--time=30", self.name)
        return int(self.inspect()["State"]["ExitCode"])


class Engine:
    """Images and containers in a folder of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._store = [f"--root={directory}/store", f"--runroot={directory}/run"]
        self.command = ["podman", *self._store, "--cgroup-manager=cgroupfs", "--runtime=runc"]

    def podman(self, *arguments: str) -> str:
        """What podman prints; raises AssertionError where it fails."""
        return _output([*self.command, *arguments])

    def build(self, target: str, *flags: str) -> str:
        """The name of the image that the stage `target` of the Dockerfile makes."""
        name = f"localhost/ziffer-{target}:test"
        _output(
            [
                *("buildah", *self._store, "bud", "--format=docker", "--isolation=chroot"),
                *("--network=host", "--pull-never", "--layers=false", f"--target={target}"),
                *PipSettings.found().build_flags(self.directory),
                *(*flags, f"--tag={name}", str(ROOT)),
            ]
        )
        return name

    def image(self, name: str) -> dict[str, Any]:
        """All that podman says of an image."""
        (description,) = json.loads(self.podman("image", "inspect", name))
        return dict(description)

    @contextmanager
    def running(
        self,
        image: str,
        *arguments: str,
        environment: Mapping[str, object],
        flags: tuple[str, ...] = ("--tmpfs=/tmp",),
    ) -> Iterator[Container]:
        """A container of `image`, restricted, with `arguments` for its program."""
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        name = self.podman("run", "--detach", *RESTRICTIONS, *flags, *variables, image, *arguments)
        try:
            yield Container(self, name.strip())
        except BaseException:
            sys.stderr.write(self.podman("logs", name.strip()))
            raise
        finally:
            self.podman("rm", "--force", "--time=0", name.strip())


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine that has the base, and of which nothing stays."""
    mirror_here = mirror()
    assert mirror_here
    # Not in pytest's own folder: podman wants short paths.
    directory = Path(tempfile.mkdtemp(prefix="ziffer-"))
    try:
        engine = Engine(directory)
        engine.podman("import", str(stand_in(mirror_here)), BASE)
        yield engine
    finally:
        _unmount_below(directory)
        shutil.rmtree(directory)


def _unmount_below(directory: Path) -> None:
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed(places):
        if Path(place).is_relative_to(directory):
            subprocess.run(["umount", place], check=True)


def _output(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
