"""Predict one unit: read it, ask the model, and write the part."""

import numpy as np
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.contract import DIGITS, IMAGE_SIDE
from registry.documents import seal
from registry.settings import open_registry, open_store
from registry.store import ObjectStore
from service.batch import Batch
from service.batch_prediction import json_lines, parquet, records
from service.batch_prediction.inputs import Kind
from service.batch_prediction.reading import read_pictures, read_slices
from service.batch_prediction.records import Records
from service.batch_prediction.run import Run
from service.batch_prediction.settings import BatchSettings
from service.batch_prediction.tally import Tally, tally, tally_key
from service.batch_prediction.units import Unit
from service.errors import InputError
from service.models.classifier import Classifier, Reading
from service.models.loader import load_classifier
from service.verdict import Thresholds, Verdict

PARTS = "parts/"

# Images that the model reads at once, and that lie in the processor's cache.
AT_ONCE = 1024

_NO_PIXELS = np.zeros((0, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
_NOTHING = Reading(np.zeros((0, DIGITS), np.float32), np.zeros(0, np.float32))


class Predictor:
    """Predicts units of one run."""

    def __init__(
        self, source: ObjectStore, output: ObjectStore, classifier: Classifier, run: Run
    ) -> None:
        """Read from `source`, and write to `output` what `classifier` says."""
        self._source = source
        self._output = output
        self._classifier = classifier
        self._run = run
        self._thresholds = Thresholds(run.not_a_digit_threshold, run.confidence_threshold)

    def predict(self, unit: Unit) -> Tally:
        """Write the part of `unit`, then its tally, which says that the part is there.

        Another machine that does the same meanwhile writes the same.
        """
        chunks = self._records(unit)
        came_to = tally(chunks)
        self._output.put(f"{PARTS}{unit.name}.{self._run.format}", self._encoded(chunks))
        self._output.put(tally_key(unit.name), seal(came_to))
        return came_to

    def _records(self, unit: Unit) -> list[Records]:
        if unit.files[0].kind is Kind.PICTURE:
            return [self._of_pictures(unit)]
        key = unit.files[0].key
        try:
            return [
                self._of_array(key, first, pixels)
                for first, pixels in read_slices(self._source, unit, at_once=AT_ONCE)
            ]
        except InputError as error:
            return [records.of_error(key, _sentence(error))]

    def _of_array(self, key: str, first: int, pixels: NDArray[np.uint8]) -> Records:
        reading = self._classifier.predict(pixels)
        return records.of_array(key, first, pixels, reading, self._thresholds)

    def _of_pictures(self, unit: Unit) -> Records:
        found = [self._prepared(each) for each in read_pictures(self._source, unit.files)]
        batches = [each for each in found if isinstance(each, Batch)]
        verdicts = iter(self._verdicts(batches))
        told = [next(verdicts) if isinstance(each, Batch) else each for each in found]
        return records.of_verdicts([file.key for file in unit.files], told)

    def _prepared(self, content: bytes | InputError) -> Batch | str:
        """The candidates of one picture, or why there are none."""
        # Imported here: whoever has arrays needs no imaging library.
        from service.vision import prepare

        if isinstance(content, InputError):
            return _sentence(content)
        try:
            candidates, several = prepare(content, max_pixels=self._run.max_image_pixels)
        except InputError as error:
            return _sentence(error)
        return Batch(candidates, [len(candidates)], [several])

    def _verdicts(self, batches: list[Batch]) -> list[Verdict]:
        batch = Batch(
            np.concatenate([_NO_PIXELS, *(each.pixels for each in batches)]),
            [count for each in batches for count in each.candidates or ()],
            [several for each in batches for several in each.several or ()],
        )
        reading = self._classifier.predict(batch.pixels) if len(batch.pixels) else _NOTHING
        return batch.verdicts(reading, self._thresholds)

    def _encoded(self, chunks: list[Records]) -> bytes:
        card = self._classifier.card
        if self._run.format == "parquet":
            return parquet.encode(chunks, card)
        return b"".join([json_lines.encode(chunk, card) for chunk in chunks])


def open_predictor(settings: BatchSettings, run: Run, card: ModelCard) -> Predictor:
    """A predictor for this process; raises RegistryError and ModelUnusableError."""
    classifier = load_classifier(open_registry(settings.registry), card)
    return Predictor(open_store(settings.source), open_store(settings.target), classifier, run)


def _sentence(error: InputError) -> str:
    """The words that an HTTP client would read, about a file."""
    return str(error).replace("The body", "The file", 1)
