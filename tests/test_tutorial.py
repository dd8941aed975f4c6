"""docs/tutorial.md is true: what it shows runs, and prints what it says."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.tutorial import PAGE, Walk, blocks, filled, outlines, shortened
from registry.settings import RegistrySettings, open_registry
from tests.programs import SAMPLE
from tests.service_models import Releases

TUTORIAL = PAGE.read_text()

ON_THE_SAMPLE = {
    "DataSettings()": f"DataSettings(data_dir='{SAMPLE}', checksums='{SAMPLE}/SHA256SUMS')",
}


def walk_in(folder: Path, variables: Mapping[str, object] = {}) -> Walk:
    return Walk(folder, variables, ON_THE_SAMPLE)


def test_python_runs_as_one_program(tmp_path: Path) -> None:
    programs = [text for language, text in blocks(TUTORIAL) if language == "python"]

    with walk_in(tmp_path) as walk:
        printed = "".join(walk.run("python", text) for text in programs)

    assert "55050 parameters" in printed
    assert "5 steps, the last of 88 images" in printed
    slopes = re.findall(r"parameter .*: ([-+.\d]+), by differences ([-+.\d]+)", printed)
    assert len(slopes) == 3
    assert all(float(one) == pytest.approx(float(other), abs=1e-8) for one, other in slopes)


def test_commands_that_train_nothing_work_in_order(tmp_path: Path, sample_store: Path) -> None:
    store = shutil.copytree(sample_store, tmp_path / "var/registry")
    registry = open_registry(RegistrySettings(store=str(store)))
    registry.promote(Releases(registry, like=registry).publish(), "production")
    registry.promote(registry.card("digits", 1), "production")  # It has a report.
    commands = [text for language, text in blocks(TUTORIAL) if language == "sh"]
    cheap = [text for text in commands if "python -m training" not in text]
    assert len(cheap) >= 4

    with walk_in(tmp_path) as walk:
        printed = "".join(walk.run("sh", text) for text in cheap)

    assert '"rejected":"blank"' in printed
    assert (tmp_path / "report.html").exists()


@pytest.mark.full
def test_the_whole_page_prints_what_it_says(tmp_path: Path) -> None:
    with Walk(tmp_path, {"OMP_NUM_THREADS": 1}) as walk:
        anew = filled(TUTORIAL, walk.run)

    assert outlines(anew) == outlines(TUTORIAL), "run `make tutorial`"


@pytest.mark.parametrize(
    ("like", "expected"), [("", "1\n2\n3\n4\n"), ("a\n…\nz\n", "1\n…\n4\n"), ("…\nz\n", "…\n4\n")]
)
def test_output_is_shortened_where_the_page_does(like: str, expected: str) -> None:
    assert shortened("1\n2 \n3\n4\n", like) == expected


def test_every_output_is_there() -> None:
    assert "```text\n```" not in TUTORIAL
