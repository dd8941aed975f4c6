"""docs/training.md and docs/settings.md are true: what they say works, in the order given."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from docs import settings as settings_page
from tests.programs import QUICK_RECIPE, ROOT, SAMPLE, environment

GUIDE = (ROOT / "docs/training.md").read_text()

BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]

ON_THE_SAMPLE: dict[str, object] = {
    "ZIFFER_TRAIN_DATA_DIR": SAMPLE,
    "ZIFFER_TRAIN_CHECKSUMS": SAMPLE / "SHA256SUMS",
    "ZIFFER_TRAIN_LEARNING_RATE": QUICK_RECIPE["ZIFFER_TRAIN_LEARNING_RATE"],
    "ZIFFER_TRAIN_BATCH_SIZE": QUICK_RECIPE["ZIFFER_TRAIN_BATCH_SIZE"],
}

# The recipes for 60,000 images would take minutes, and hold more images apart than there are.
FEW_IMAGES: dict[str, object] = {
    "ZIFFER_TRAIN_LEARNING_RATE": "0.005",
    "ZIFFER_TRAIN_EPOCHS": 10,
    "ZIFFER_TRAIN_VALIDATION_SIZE": 100,
    "ZIFFER_TRAIN_PRINTED_DIGITS": 100,
    "ZIFFER_TRAIN_NON_DIGITS": 100,
}

# What these commands search for or vary may not be given as well.
VARIED = ("ZIFFER_TRAIN_LEARNING_RATE", "ZIFFER_TRAIN_BATCH_SIZE")


def settings_for(command: str) -> dict[str, object]:
    """Let a command for the whole of MNIST make sense on 600 images."""
    if "training.search" in command or "training.population" in command:
        varied = {name: value for name, value in ON_THE_SAMPLE.items() if name not in VARIED}
        return varied | {
            "ZIFFER_TRAIN_VALIDATION_SIZE": 200,
            "ZIFFER_SEARCH_BATCH_SIZE_RANGE": "32:64",
        }
    on_one_recipe = "textbook" in command or "--config" in command or "reproduce" in command
    return ON_THE_SAMPLE if on_one_recipe else ON_THE_SAMPLE | FEW_IMAGES


def test_every_command_works_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/training.toml", tmp_path / "docs")
    (tmp_path / "policy.json").write_text('{"default": {"require": [], "significance": 0}}')
    programs = {
        "python": [sys.executable],
        "torchrun": [sys.executable, "-m", "torch.distributed.run"],
    }
    assert len(COMMANDS) > 10

    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        told = subprocess.run(
            [*programs[program], *arguments],
            cwd=tmp_path,
            env=environment(
                ZIFFER_STORE=tmp_path / "registry",
                ZIFFER_POLICY=tmp_path / "policy.json",
                PYTHONPATH=ROOT,
                OMP_NUM_THREADS=1,
                **settings_for(command),
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, f"{command}: {told.stdout[-1000:]}{told.stderr[-2000:]}"

    assert "<!doctype html>" in (tmp_path / "report.html").read_text().lower()


def test_page_of_settings_is_that_of_the_code() -> None:
    assert settings_page.page() == settings_page.PAGE.read_text(), "run `make settings`"
