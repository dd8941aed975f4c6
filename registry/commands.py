"""The commands that publish versions, look for them and move aliases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from registry import audit, comparison, notes, search, tables
from registry.audit import Anchor
from registry.card import DraftCard, ModelCard
from registry.errors import InvalidNameError
from registry.moves import ANYTHING, AliasMove, Anything
from registry.report import EXIT_DAMAGED, Call, Report


def publish(call: Call) -> Report:
    """Store files as the next version; --card has what is known of the model, as JSON."""
    named = [found for path in call.arguments.files for found in _named_files(path)]
    files = {name: _read(path) for name, path in named}
    try:
        draft = DraftCard.model_validate_json(_read(call.arguments.card))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidNameError(f"{call.arguments.card}: {where}: {first['msg']}") from None
    card = call.registry.publish(
        call.settings.model, files, draft, publish_id=call.arguments.publish_id
    )
    return Report.of(card, f"published {card.name} version {card.version}")


def list_versions(call: Call) -> Report:
    """List the versions of the model, newest first, with their aliases."""
    named = call.registry.aliases(call.settings.model)
    cards = search.annotated(call.registry.store, call.settings.model)
    document = [
        _json(card) | {"aliases": [name for name, at in named.items() if at == card.version]}
        for card in cards
    ]
    return Report(document, _table(cards, named))


def show(call: Call) -> Report:
    """Show one version: its card and what was added to it later."""
    card = call.card(call.arguments.reference)
    added = notes.notes(call.registry.store, card.name, card.version)
    document = _json(card) | {"notes": [note.model_dump(mode="json") for note in added]}
    return Report(document, _described(card, added))


def promote(call: Call) -> Report:
    """Let the alias name a version, if it passes the gate."""
    card = call.registry.card(call.settings.model, call.arguments.version)
    move = call.registry.promote(
        card,
        call.settings.alias,
        expect=_expectation(call.arguments.expect),
        reason=call.arguments.reason,
        force=call.arguments.force,
    )
    return Report.of(move, _told(move))


def rollback(call: Call) -> Report:
    """Let the alias name again what it named before."""
    expect = _expectation(call.arguments.expect)
    if expect is None:
        raise InvalidNameError("an alias that is not set cannot be rolled back")
    move = call.registry.rollback(
        call.settings.model, call.settings.alias, expect=expect, reason=call.arguments.reason
    )
    return Report.of(move, _told(move))


def log(call: Call) -> Report:
    """Show the moves of the alias, newest first; --verify checks their chain instead."""
    model, alias = call.settings.model, call.settings.alias
    if call.arguments.verify:
        found = audit.verify(call.registry.store, model, alias, call.arguments.anchor)
        text = "\n".join(found.findings) or f"{found.moves} moves, each follows the one before it"
        text += f"\nanchor {found.anchor}" if found.anchor else ""
        return Report.of(found, text, EXIT_DAMAGED if found.findings else 0)
    if call.arguments.as_of:
        move = call.registry.as_of(model, alias, call.arguments.as_of)
        return Report.of(move, _told(move))
    if call.arguments.refusals:
        refused = notes.refusals(call.registry.store, model, alias)
        rows = [(tables.moment(r.at), r.version, r.actor, "; ".join(r.refusals)) for r in refused]
        document = [refusal.model_dump(mode="json") for refusal in refused]
        return Report(document, tables.table(("at (UTC)", "version", "by", "refused for"), rows))
    moves = call.registry.log(model, alias, limit=call.arguments.limit)
    return Report([move.model_dump(mode="json") for move in moves], _moves_table(moves))


def diff(call: Call) -> Report:
    """Show what differs between two versions."""
    left, right = call.card(call.arguments.left), call.card(call.arguments.right)
    found = comparison.differences(left, right)
    document = [difference._asdict() for difference in found]
    return Report(document, "\n".join(map(str, found)) or "no difference")


def find(call: Call) -> Report:
    """Find versions of any model by conditions, such as accuracy>0.97 or tag.team=vision."""
    cards = search.search(call.registry.store, call.arguments.conditions)
    return Report([_json(card) for card in cards], _table(cards, {}))


def note(call: Call) -> Report:
    """Add tags, metrics or a remark to a version."""
    card = call.card(call.arguments.reference)
    tags, metrics = dict(call.arguments.tag), dict(call.arguments.metric)
    added = notes.annotate(
        call.registry.store, card, text=call.arguments.text, tags=tags, metrics=metrics
    )
    return Report.of(added, f"added to {card.name} version {card.version}")


def watch(call: Call) -> Iterator[Report]:
    """Print each move of the alias from now on, until interrupted."""
    known = call.registry.resolve(call.settings.model, call.settings.alias)
    yield Report.of(known.move, _told(known.move))
    for moved in call.registry.watch(
        call.settings.model, known, interval_s=call.arguments.interval
    ):
        yield Report.of(moved.move, _told(moved.move))


def moment(text: str) -> datetime:
    """A point in time in ISO 8601, in UTC where it names no zone."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def anchor(text: str) -> Anchor:
    """SEQUENCE:SHA256, as `log --verify` prints it."""
    return Anchor.parse(text)


def expectation(text: str) -> int | None:
    """A version number, or none."""
    return None if text == "none" else int(text)


def tag(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise ValueError(text)
    return name, value


def metric(text: str) -> tuple[str, float]:
    """NAME=NUMBER."""
    name, value = tag(text)
    return name, float(value)


def _expectation(given: list[int | None] | None) -> int | Anything | None:
    """What --expect said, if anything: absent and `none` are two things."""
    return given[0] if given else ANYTHING


def _named_files(path: Path) -> Iterator[tuple[str, Path]]:
    """A file under its own name; those in a directory, at any depth, under their paths in it."""
    if not path.is_dir():
        yield path.name, path
        return
    found = sorted(inner for inner in path.rglob("*") if inner.is_file())
    if not found:
        raise InvalidNameError(f"there is no file in {path}")
    yield from ((inner.relative_to(path).as_posix(), inner) for inner in found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidNameError(f"cannot read {path}: {error.strerror}") from None


def _json(card: ModelCard) -> dict[str, Any]:
    return card.model_dump(mode="json")


def _table(cards: list[ModelCard], aliases: dict[str, int]) -> str:
    return tables.table(
        ("model", "version", "created (UTC)", "metrics", "aliases"),
        [
            (
                card.name,
                card.version,
                tables.moment(card.created_at),
                tables.metrics(card.metrics),
                " ".join(name for name, version in aliases.items() if version == card.version),
            )
            for card in cards
        ],
    )


def _moves_table(moves: list[AliasMove]) -> str:
    return tables.table(
        ("move", "at (UTC)", "action", "version", "by", "reason"),
        [
            (
                move.sequence,
                tables.moment(move.at),
                move.action + (" (forced)" if move.overruled else ""),
                move.card.version,
                move.actor,
                move.reason,
            )
            for move in moves
        ],
    )


def _described(card: ModelCard, added: list[notes.Note]) -> str:
    known = notes.with_notes(card, added)
    rows = [
        ("version", f"{card.name} {card.version}"),
        ("created", f"{tables.moment(card.created_at)} UTC"),
        *(("metric", f"{name} {value:.6g}") for name, value in known.metrics.items()),
        *(("tag", f"{name}={value}") for name, value in known.tags.items()),
        *(("recipe", f"{name}={value}") for name, value in card.recipe.items()),
        ("commit", f"{card.lineage.git_commit}{' (dirty)' if card.lineage.git_dirty else ''}"),
        ("hardware", card.lineage.hardware),
        *(
            ("file", f"{name}  {tables.size(file.size_bytes)}  sha256:{file.digest}")
            for name, file in card.files.items()
        ),
        *(("note", f"{note.at:%Y-%m-%d} {note.actor}: {note.text}") for note in added if note.text),
    ]
    return "\n".join(f"{label:9} {text}" for label, text in rows)


def _told(move: AliasMove) -> str:
    overruled = "".join(f"\noverruled: {rule}" for rule in move.overruled)
    return f"{move.card.name}@{move.alias} is {move}{overruled}"
