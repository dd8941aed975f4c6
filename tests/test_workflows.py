"""The workflows run what `.ci/run` runs, with no more rights than they need."""

import re
from pathlib import Path

import pytest

from tests.programs import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CI = (ROOT / ".github/workflows/ci.yml").read_text()
SCRIPT = (ROOT / ".ci/run").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def made(text: str) -> set[str]:
    """The targets of make that a script or a workflow runs."""
    return set(re.findall(r"^[^#\n]*\bmake ([a-z-]+)$", text, re.MULTILINE))


def installed(text: str) -> set[str]:
    """The packages of Debian that it installs."""
    commands = re.findall(r"apt-get install ([^\n>|;&]*)", text.replace("\\\n", " "))
    return {word for command in commands for word in command.split() if not word.startswith("-")}


def test_workflow_makes_what_the_script_makes() -> None:
    assert "test" in made(SCRIPT)
    assert made(SCRIPT) <= made(CI)


def test_workflow_installs_what_the_script_installs() -> None:
    assert installed(SCRIPT)
    assert installed(SCRIPT) <= installed(CI)


@pytest.mark.parametrize("target", sorted(made(CI)))
def test_every_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_rights_are_named(workflow: Path) -> None:
    text = workflow.read_text()
    actions = re.findall(r"uses: (\S+) # (\S+)", text)

    assert len(actions) == text.count("uses:")
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action, _ in actions)
    assert re.search(r"^permissions:", text, re.MULTILINE)
    assert "contents: write" not in text
    assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")
