"""CHANGELOG, CONTRIBUTING and SECURITY name what there is; licence and version are told once."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.programs import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = [ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_target_that_is_named_exists(page: Path) -> None:
    for words in re.findall(r"\bmake ((?:[a-z-]+ ?)+)(?=`|$)", page.read_text(), re.MULTILINE):
        for target in words.split():
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_flag_that_is_named_exists() -> None:
    known = (ROOT / "docs/settings.md").read_text() + (ROOT / "docs/registry.md").read_text()

    for flag in re.findall(r"`(--[a-z-]+)`", "".join(page.read_text() for page in PAGES)):
        assert flag in known or flag in {"--help"}, flag


def test_changelog_has_this_version() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_images_that_are_named_are_of_this_version() -> None:
    files = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("infra/aws/*.yaml")]
    text = "".join(file.read_text() for file in files)

    assert set(re.findall(r"ziffer-(?:serve|train):([\w.]*\w)", text)) == {PROJECT["version"]}


def test_licence_is_what_the_project_says() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert all((ROOT / file).exists() for file in PROJECT["license-files"])


def test_a_commit_is_checked_as_lint_does() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    [recipe] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    tools = set(re.findall(r"-m (ruff \w+|mypy)", recipe))

    assert {"ruff check", "ruff format", "mypy"} <= tools
    assert all(f".venv/bin/python -m {tool}" in hooks for tool in tools)
