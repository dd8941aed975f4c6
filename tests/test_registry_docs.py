"""docs/registry.md is true: its commands work in the order given, and the tests it names exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from registry.policy import Policy
from tests.programs import QUICK_RECIPE
from tests.registry_examples import draft

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs/registry.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_every_command_works_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    (tmp_path / "card.json").write_text(draft(0.975).model_dump_json())
    (tmp_path / "better.json").write_text(draft(0.98).model_dump_json())
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ZIFFER_")}
    environ |= {"ZIFFER_STORE": str(tmp_path / "store"), "PYTHONPATH": str(ROOT)}
    environ |= QUICK_RECIPE | {"ZIFFER_TRAIN_EPOCHS": "1"}
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) > 20

    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "python"
        told = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, f"{command}: {told.stdout}{told.stderr}"


def test_the_policy_shown_is_a_policy() -> None:
    [text] = blocks("json")

    assert Policy.model_validate_json(text).of("production").signed_by == ("ci",)


def test_the_python_shown_compiles() -> None:
    [text] = blocks("python")

    compile(text, "docs/registry.md", "exec")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", GUIDE))))
def test_a_test_that_is_named_exists(name: str) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_registry_*.py"))

    assert f"def {name}(" in tests
