"""What predictions came to, by outcome: of one part, and in the end of the whole run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from registry.card import Frozen, Sha256
from registry.documents import seal, unseal
from registry.store import ObjectStore
from service.batch_prediction.inputs import Inputs
from service.batch_prediction.records import NONE, REASONS, Records
from service.batch_prediction.run import Run

TALLIES = "tallies/"
SUMMARY = "summary.json"

# A summary is for people: where more is wrong, the records tell.
_MOST_NAMED = 1000

_READERS = 16


class Unreadable(Frozen):
    """An input without a prediction, and why."""

    input: str
    error: str


class Tally(Frozen):
    """What one part, or many, came to."""

    images: int
    """Those in files that could be read."""
    digits: dict[str, int]
    """How many were read as each digit."""
    rejected: dict[str, int]
    """How many were not, by reason."""
    errors: int
    """Records without a prediction."""
    unreadable: tuple[Unreadable, ...]
    """The inputs of these, at most a thousand."""


class Summary(Frozen):
    """What a run came to; written when all parts are there."""

    format: int = 1
    model: str
    version: int
    digest: Sha256
    files: int
    parts: int
    total: Tally
    skipped: int
    """Files that are neither a picture nor an array."""
    skipped_names: tuple[str, ...]
    """At most a thousand of them."""


def tally(chunks: Iterable[Records]) -> Tally:
    """Count the records of one part."""
    return total(_of_chunk(records) for records in chunks)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of many."""
    images = errors = 0
    digits, rejected = Counter[str](), Counter[str]()
    unreadable: dict[str, Unreadable] = {}
    for each in tallies:
        images, errors = images + each.images, errors + each.errors
        digits.update(each.digits)
        rejected.update(each.rejected)
        for one in each.unreadable:
            if len(unreadable) < _MOST_NAMED:
                unreadable.setdefault(one.input, one)
    return Tally(
        images=images,
        digits=dict(sorted(digits.items())),
        rejected=dict(sorted(rejected.items())),
        errors=errors,
        unreadable=tuple(unreadable.values()),
    )


def tally_key(part: str) -> str:
    """Where the tally of a part is; that it is there says that the part is."""
    return f"{TALLIES}{part}.json"


def finished(output: ObjectStore) -> set[str]:
    """The names of the parts that are there."""
    return {
        listed.key.removeprefix(TALLIES).removesuffix(".json") for listed in output.listing(TALLIES)
    }


def read_tallies(output: ObjectStore, parts: Sequence[str]) -> Tally:
    """The sum over `parts`, which must be there."""

    def read(part: str) -> Tally:
        key = tally_key(part)
        return unseal(Tally, output.read(key), key=key)

    with ThreadPoolExecutor(1 if output.is_local else _READERS) as readers:
        return total(readers.map(read, parts))


def write_summary(output: ObjectStore, run: Run, inputs: Inputs, parts: Sequence[str]) -> Summary:
    """Sum up a run whose `parts` are all there; whoever does it writes the same."""
    summary = Summary(
        model=run.model,
        version=run.version,
        digest=run.digest,
        files=len(inputs.files),
        parts=len(parts),
        total=read_tallies(output, parts),
        skipped=len(inputs.skipped),
        skipped_names=tuple(inputs.skipped[:_MOST_NAMED]),
    )
    output.create(SUMMARY, seal(summary))
    return summary


def _of_chunk(records: Records) -> Tally:
    digits = np.bincount(records.digit[records.digit != NONE])
    reasons = np.bincount(records.rejected[records.rejected != NONE])
    return Tally(
        images=len(records.index) - len(records.errors),
        digits={str(digit): int(count) for digit, count in enumerate(digits) if count},
        rejected={REASONS[code]: int(count) for code, count in enumerate(reasons) if count},
        errors=len(records.errors),
        unreadable=tuple(
            Unreadable(input=records.inputs[row], error=error)
            for row, error in records.errors.items()
        ),
    )
