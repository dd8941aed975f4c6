"""Predictions as Parquet: smaller than JSON Lines, with all digits of the probabilities."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.card import ModelCard
from registry.configuration import SettingsError
from registry.contract import DIGITS, MODEL_FILE
from service.batch_prediction.records import NONE, REASONS, Records, of_verdicts

if TYPE_CHECKING:
    import pyarrow as pa


def require() -> None:
    """Raise SettingsError where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401 - whether it can be imported
    except ImportError as error:
        raise SettingsError(
            f"--format is 'parquet', which needs pyarrow ({error}): pip install pyarrow, which is "
            "the extra `parquet`, or leave it at jsonl"
        ) from None


def encode(chunks: Sequence[Records], card: ModelCard) -> bytes:
    """A file with a row for each record of `chunks`, predicted by the version of `card`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    # A slice between the starts of two images has no chunk, but its part has columns.
    tables = [_table(records, card) for records in chunks or [of_verdicts([], [])]]
    # Long text that is the same in every row; in the rest, dictionaries only take time.
    repeated = ["input", "rejected", "model.name", "model.version", "model.digest"]
    pq.write_table(pa.concat_tables(tables), file, compression="zstd", use_dictionary=repeated)
    return file.getvalue()


def _table(records: Records, card: ModelCard) -> "pa.Table":
    import pyarrow as pa

    rows = len(records.index)
    is_one = len(records.inputs) == 1
    digest = card.files[MODEL_FILE].digest
    model: dict[str, Any] = {"name": card.name, "version": card.version, "digest": digest}
    values = pa.array(records.probabilities.ravel())
    unknown = np.isnan(records.confidence)
    columns = {
        "input": pa.repeat(records.inputs[0], rows)
        if is_one
        else pa.array(records.inputs, pa.string()),
        "index": pa.array(records.index, mask=records.index == NONE),
        "digit": pa.array(records.digit, mask=records.digit == NONE),
        "confidence": pa.array(records.confidence, mask=unknown),
        "rejected": pa.array([*REASONS, None], pa.string()).take(
            pa.array(records.rejected % (len(REASONS) + 1))
        ),
        "probabilities": pa.FixedSizeListArray.from_arrays(values, DIGITS, mask=pa.array(unknown)),
        "not_a_digit": pa.array(records.not_a_digit, mask=np.isnan(records.not_a_digit)),
        "error": _errors(records),
        "model": pa.StructArray.from_arrays(
            [pa.repeat(pa.scalar(value), rows) for value in model.values()], list(model)
        ),
    }
    return pa.table(columns)


def _errors(records: Records) -> "pa.Array":
    import pyarrow as pa

    if not records.errors:
        return pa.nulls(len(records.index), pa.string())
    return pa.array([records.errors.get(row) for row in range(len(records.index))], pa.string())
