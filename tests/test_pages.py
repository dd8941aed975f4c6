"""Every page holds together: its links lead somewhere, its tables and blocks of code are whole."""

import re
from pathlib import Path

import pytest

from tests.programs import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/RESULTS.md"])
_LINKS = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in _LINKS.findall(prose(page)):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_code_ends(page: Path) -> None:
    fences = re.findall(r"^```.*$", page.read_text(), re.MULTILINE)

    assert len(fences) % 2 == 0
    assert set(fences[1::2]) <= {"```"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_of_a_table_is_whole(page: Path) -> None:
    rows = [line for line in prose(page).splitlines() if line.startswith("|")]

    assert [row for row in rows if not row.endswith("|")] == []
