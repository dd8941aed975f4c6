"""Find versions by name, tag, metric and parameter.

A query is a list of conditions, all of which must hold: `accuracy>0.97`, `tag.team=vision`,
`recipe.width=64`, `name=digits`, `version>10`, `commit=0123abc`. What was added to a version later
counts as if it had been published with it. Searching reads every card, a few at a time.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from registry import keys
from registry.card import ModelCard
from registry.documents import unseal
from registry.notes import Note, with_notes
from registry.reachability import cards
from registry.store import ObjectStore
from registry.terms import Term, parse

_READERS = 8


def search(
    store: ObjectStore, query: Sequence[str], *, model: str | None = None
) -> list[ModelCard]:
    """The versions that meet every condition, by model and then newest first.

    Only of one `model`, if it is given. Raises InvalidNameError for what is not a condition.
    """
    terms = [parse(text) for text in query]
    models = [model] if model else store.folders(keys.MODELS)
    return [
        card
        for name in models
        for card in annotated(store, name)
        if all(_holds(term, card) for term in terms)
    ]


def annotated(store: ObjectStore, model: str) -> list[ModelCard]:
    """All cards of a model, newest first, with what was added to them later."""
    prefix = f"{keys.model(model)}notes/"
    found = [listed.key for listed in store.listing(prefix)]

    def read(key: str) -> Note:
        return unseal(Note, store.read(key), key=key)

    with ThreadPoolExecutor(_READERS) as readers:
        read_notes = dict(zip(found, readers.map(read, found), strict=True))
    by_version = {
        folder: [read_notes[key] for key in inside]
        for folder, inside in groupby(found, lambda key: key.rpartition("/")[0] + "/")
    }
    return [
        with_notes(card, by_version.get(keys.notes(model, card.version), []))
        for card in cards(store, model)
    ]


def _holds(term: Term, card: ModelCard) -> bool:
    value = _value(card, term.key)
    return value is not None and term.holds(value)


def _value(card: ModelCard, key: str) -> Any:  # noqa: ANN401 - any JSON value
    section, _, name = key.partition(".")
    if name and section == "tag":
        return card.tags.get(name)
    if name and section == "recipe":
        return card.recipe.get(name)
    known = {"name": card.name, "version": card.version, "commit": card.lineage.git_commit}
    return known[key] if key in known else card.metrics.get(key)
