"""Show what a search has found: a table in the terminal, a JSON file, and a page to read."""

import html
import json
from collections.abc import Sequence
from pathlib import Path

from registry import tables
from registry.local import write_file
from training.search.settings import SEARCHED
from training.search.summary import Finding, Summary
from training.selection import standard_error

_HEADINGS = ("trial", "score", "outcome", "epochs run", *(name for name in SEARCHED), "seed")
_ROWS_IN_TERMINAL = 10
_WIDTH, _HEIGHT, _MARGIN = 720, 240, 40
_COLOURS = {"trained": "#1f6feb", "pruned": "#b0b0b0"}

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #ddd }
code { display: block; overflow-wrap: anywhere; background: #f4f4f4; padding: .6rem }
svg { max-width: 100%; height: auto }
"""


def score(value: float | None, objective: str) -> str:
    """A score for people; an accuracy in percent."""
    if value is None:
        return "-"
    return f"{value:.2%}" if objective == "accuracy" else f"{value:.4f}"


def line(summary: Summary, number: int) -> str:
    """What has become of a trial, in one line."""
    finding = next(it for it in summary.findings if it.number == number)
    best = f"; best: trial {summary.best.number}" if summary.best else ""
    recipe = ", ".join(map(_cell, finding.settings()))
    return (
        f"trial {number}: {score(finding.score, summary.objective)} {finding.outcome} "
        f"({recipe}){best}"
    )


def text(summary: Summary) -> str:
    """The best trials, the importances, and what to do next."""
    rows = [_row(finding, summary.objective) for finding in summary.findings[:_ROWS_IN_TERMINAL]]
    parts = [tables.table(_HEADINGS, rows)]
    if summary.importances:
        shares = [f"{name} {share:.0%}" for name, share in summary.importances.items()]
        parts.append("what mattered: " + ", ".join(shares))
    parts.append(_verdict(summary))
    if summary.command:
        parts.append(f"train and register it:\n  {summary.command}")
    return "\n\n".join(parts)


def write(summary: Summary, directory: Path) -> tuple[Path, Path]:
    """Write STUDY.json and STUDY.html into `directory`, each whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    contents = {
        directory / f"{summary.study}.json": json.dumps(summary.to_json(), indent=2) + "\n",
        directory / f"{summary.study}.html": page(summary),
    }
    for path, content in contents.items():
        write_file(path, content.encode())
    as_json, as_html = contents
    return as_json, as_html


def page(summary: Summary) -> str:
    """The summary as one HTML file that needs no other."""
    escape = html.escape
    title = f"Search {escape(summary.study)}"
    importances = [[name, f"{share:.1%}"] for name, share in summary.importances.items()]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>",
        f"<style>{_STYLE}</style><h1>{title}</h1>",
        f"<p>{escape(_verdict(summary))}</p>",
        f"<code>{escape(summary.command)}</code>" if summary.command else "",
        f"<h2>Score by trial</h2>{_chart(summary)}",
        "<h2>What mattered</h2>" + _table(("setting", "share"), importances) if importances else "",
        "<h2>Trials</h2>",
        _table(_HEADINGS, [_row(finding, summary.objective) for finding in summary.findings]),
    ]
    return "\n".join(filter(None, parts)) + "\n"


def _verdict(summary: Summary) -> str:
    best = summary.best
    if best is None or best.score is None:
        return "no trial has come to its end yet"
    sentence = f"best: trial {best.number} with {score(best.score, summary.objective)}"
    if summary.objective == "accuracy":
        error = standard_error(best.score, summary.validation_size)
        sentence += f" ± {error:.2%}"
    return (
        f"{sentence} on {summary.validation_size:,} validation images; "
        "the best of many is partly luck, and other images will find less of it"
    )


def _row(finding: Finding, objective: str) -> list[str]:
    return [
        str(finding.number),
        score(finding.score, objective),
        finding.outcome,
        str(finding.epochs),
        *map(_cell, finding.settings()),
        str(finding.recipe.seed),
    ]


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)

    return "\n".join(["<table>", line(headings, "th"), *(line(row, "td") for row in rows)]) + (
        "\n</table>"
    )


def _chart(summary: Summary) -> str:
    """A dot for each trial, in their order, from the worst score to the best."""
    scored = [(it.number, it.score, it.outcome) for it in summary.findings if it.score is not None]
    if not scored:
        return ""
    low, high = min(value for _, value, _ in scored), max(value for _, value, _ in scored)
    last = max(number for number, _, _ in scored)
    dots = []
    for number, value, outcome in scored:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * number / max(last, 1)
        y = _MARGIN + (_HEIGHT - 2 * _MARGIN) * (high - value) / (high - low or 1)
        label = f"trial {number}: {score(value, summary.objective)}, {outcome}"
        dots.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_COLOURS[outcome]}">'
            f"<title>{label}</title></circle>"
        )
    ends = ((_MARGIN, high), (_HEIGHT - _MARGIN, low))
    labels = [
        f'<text x="0" y="{y - 10}" font-size="12">{score(value, summary.objective)}</text>'
        for y, value in ends
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="score by trial">'
        + "".join([*labels, *dots])
        + "</svg>"
    )
