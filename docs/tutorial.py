"""Run docs/tutorial.md from top to bottom and paste what it prints: `make tutorial`.

A block of `sh` or `python` is run; a block of `text` that follows it holds what it printed. Where
that block has a line "…", as many lines are kept before and after it as are there now.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from registry.moves import actor
from tests.programs import ROOT, environment, free_port, serving

PAGE = Path(__file__).with_name("tutorial.md")
ADDRESS = "127.0.0.1:8000"
SERVICE = "python -m service"
READER = "you@lab"
ELISION = "…"

_NUMBER = re.compile(r"[0-9a-f]{8,}|[-+]?\d[\d,.:]*(e[-+]?\d+)?")
_BLOCKS = re.compile(r"```(sh|python)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


class Walk:
    """Runs the blocks of the tutorial one after the other, as a reader does.

    Files that commands write lie in `folder`, which has docs/ as a checkout does; `variables` are
    settings for the commands, `replacements` are made in the Python shown.
    """

    def __init__(
        self, folder: Path, variables: Mapping[str, object], replacements: Mapping[str, str] = {}
    ) -> None:
        (folder / "docs").symlink_to(ROOT / "docs")
        self._folder = folder
        self._environ = environment(
            ZIFFER_STORE=folder / "var/registry",
            PYTHONPATH=ROOT,
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **variables,
        )
        self._replacements = replacements
        self._namespace: dict[str, object] = {}
        self._services = ExitStack()
        self._address = ADDRESS

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_: object) -> None:
        self._services.close()

    def run(self, language: str, text: str) -> str:
        """What a block prints; raises where it fails."""
        if language == "python":
            return self._python(text)
        if text.startswith(SERVICE):
            return self._serve()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text.replace(ADDRESS, self._address)],
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}"
        return done.stdout.replace(self._address, ADDRESS).replace(actor(), READER)

    def _python(self, text: str) -> str:
        for shown, used in self._replacements.items():
            text = text.replace(shown, used)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(PAGE), "exec"), self._namespace)  # noqa: S102 - this project's own
        return printed.getvalue()

    def _serve(self) -> str:
        command = [sys.executable, "-m", "service"]
        environ = self._environ | {"PORT": str(free_port())}
        address, _ = self._services.enter_context(serving(command, environ))
        self._address = address.removeprefix("http://")
        return ""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of each block that is run, in order."""
    for language, text, _ in _BLOCKS.findall(page):
        yield language, text


def filled(page: str, run: Callable[[str, str], str]) -> str:
    """The page with what its blocks print now."""

    def refill(found: re.Match[str]) -> str:
        language, text, before = found.groups()
        printed = run(language, text)
        if before is None:
            return found[0]
        return f"```{language}\n{text}```\n\n```text\n{shortened(printed, before)}```"

    return _BLOCKS.sub(refill, page)


def shortened(printed: str, like: str) -> str:
    """What was printed, with as many lines at its ends as `like` has around its "…"."""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    shape = like.splitlines()
    if ELISION in shape:
        first = shape.index(ELISION)
        last = len(lines) - (len(shape) - first - 1)
        lines = [*lines[:first], ELISION, *lines[last:]]
    return "".join(f"{line}\n" for line in lines)


def outlines(page: str) -> list[str]:
    """The lines of output, with the same sign for every number and digest."""
    lines = (line for *_, output in _BLOCKS.findall(page) for line in output.splitlines())
    return [" ".join(_NUMBER.sub("#", line).split()) for line in lines]


def main() -> None:
    """Train, search, serve and ask, which takes some minutes; then write the page anew."""
    folder = Path(tempfile.mkdtemp(prefix="ziffer-tutorial-"))
    try:
        with Walk(folder, {"OMP_NUM_THREADS": 1}) as walk:
            PAGE.write_text(filled(PAGE.read_text(), walk.run))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
