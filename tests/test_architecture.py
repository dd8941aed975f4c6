"""What ARCHITECTURE.md names is there: each file, and for each invariant a test that holds it."""

import ast
import re
from functools import cache
from itertools import pairwise

import pytest

from tests.programs import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text()

INVARIANTS = re.split(r"^\*\*I(\d+)\*\* ", PAGE, flags=re.MULTILINE)[1:]
NUMBERS = [int(number) for number in INVARIANTS[::2]]
HELD_BY = {
    number: re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", text.partition("\n\n")[0])
    for number, text in zip(NUMBERS, INVARIANTS[1::2], strict=True)
}


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_invariants_are_numbered_in_their_order() -> None:
    assert NUMBERS[0] == 1
    assert all(after == before + 1 for before, after in pairwise(NUMBERS))


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"I{number}")
def test_invariant_is_held_by_tests_that_exist(number: int) -> None:
    assert HELD_BY[number]
    for file, test in HELD_BY[number]:
        assert test.startswith("test_")
        assert test in functions_of(file), f"{file} has no {test}"


def test_every_test_of_faults_holds_an_invariant() -> None:
    named = {test for tests in HELD_BY.values() for _, test in tests}
    for file in (ROOT / "tests/faults").glob("test_*.py"):
        tests = {test for test in functions_of(str(file)) if test.startswith("test_")}
        assert tests & named, f"{file.name} holds nothing that is promised"


def test_every_package_and_module_of_the_codemap_exists() -> None:
    codemap = PAGE.partition("## Codemap")[2].partition("\n## ")[0]
    for section in re.split(r"^\*\*`(?=\w+/`)", codemap, flags=re.MULTILINE)[1:]:
        package, _, text = section.partition("/`")
        for name in re.findall(r"`([\w./]+(?:\.py|/))`", text):
            places = [*(ROOT / package).glob(f"**/{name}"), ROOT / name]
            assert any(place.exists() for place in places), f"{package} has no {name}"
