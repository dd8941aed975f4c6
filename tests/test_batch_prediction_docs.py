"""docs/batch.md is true: its commands work in the order given, what it names exists."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from docs import settings as settings_page
from service.batch_prediction.json_lines import encode
from service.batch_prediction.records import of_error
from service.models.classifier import Classifier
from tests.programs import ROOT, environment

GUIDE = (ROOT / "docs/batch.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if "parquet" not in line or find_spec("pyarrow")
]


def test_every_command_works_in_the_order_given(tmp_path: Path, sample_store: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    env = environment(ZIFFER_STORE=sample_store, PYTHONPATH=ROOT)
    assert len(COMMANDS) >= 4

    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", command.replace("python", sys.executable, 1)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    assert (tmp_path / "var/shared/summary.json").exists()


def test_every_key_of_a_record_is_named(classifier: Classifier) -> None:
    line = encode(of_error("a", "b"), classifier.card).decode()

    for key in re.findall(r'"(\w+)":', line):
        assert key in {"name", "version", "digest"} or f"`{key}`" in GUIDE


def test_every_flag_and_variable_exists() -> None:
    flags = set(re.findall(r"(?<=[ `\n])--[a-z-]+", GUIDE))
    variables = set(re.findall(r"ZIFFER_[A-Z_]*[A-Z]", GUIDE))

    assert [name for name in flags | variables if f"`{name}`" not in settings_page.page()] == []
