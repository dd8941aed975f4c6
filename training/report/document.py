"""The report as data: the content of `report.json`, from which its charts can be drawn again."""

from pydantic import ConfigDict, JsonValue

from registry.card import Frozen, Lineage
from training.report.subject import VersionFile


class Part(Frozen):
    """A part of the document: its numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class TestScores(Part):
    """How well the test set is read. `interval` is the 95 % Wilson interval of the accuracy."""

    __test__ = False  # pytest takes what is called Test… for tests.

    images: int
    correct: int
    accuracy: float
    interval: tuple[float, float]
    loss: float
    """Mean cross-entropy in nats."""
    ece: float
    not_a_digit: dict[str, float]
    """AUROC by kind of image."""


class Effort(Part):
    """What was trained, and what it cost."""

    parameters: int
    images: int
    """In each epoch."""
    epochs: int
    wall_seconds: float
    cpu_seconds: float
    device: str


class Setting(Part):
    """One setting of the recipe, and what the textbook has."""

    name: str
    value: JsonValue
    textbook: JsonValue
    meaning: str


class Means(Part):
    """Mean loss and accuracy over a set of images."""

    loss: float
    accuracy: float


class EpochRecord(Part):
    """One epoch; `gradient_sizes` are root mean squares for each layer, from input to output."""

    number: int
    training: Means
    validation: Means | None
    gradient_sizes: tuple[float, ...]
    seconds: float


class RateRecord(Part):
    """The learning rate of one step, counted from 0."""

    step: int
    learning_rate: float


class DigitScores(Part):
    """How one digit is read; None where the quotient is of nothing."""

    digit: int
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class Mistake(Part):
    """A test image (counted from 0) that was read wrongly, with the confidence of that reading."""

    index: int
    label: int
    read: int
    confidence: float


class Bin(Part):
    """Images whose confidence is above `low`, and `high` at most; means are 0 without images."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


class Unit(Part):
    """A unit of the first layer, counted from 0, and the Euclidean norm of its weights."""

    index: int
    norm: float


class Document(Part):
    """Everything that the page says. Numbers are finite, shares run from 0 to 1."""

    format: int = 1
    model: str
    digest: str
    """SHA-256 of `model.onnx`."""
    test: TestScores
    effort: Effort
    settings: tuple[Setting, ...]
    epochs: tuple[EpochRecord, ...]
    schedule: tuple[RateRecord, ...]
    warnings: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are true digits, columns the digits read."""
    digits: tuple[DigitScores, ...]
    mistakes: tuple[Mistake, ...]
    """The most confident first."""
    calibration: tuple[Bin, ...]
    units: tuple[Unit, ...]
    """Those of the first layer whose weights are shown, in their order."""
    units_in_all: int
    full_weight: float
    """The absolute value that is shown in full colour: of the weights shown, 0.5 % are larger."""
    files: tuple[VersionFile, ...]
    metrics: dict[str, float]
    lineage: Lineage

    def setting(self, name: str) -> JsonValue:
        """The value of the recipe's setting `name`."""
        return next(setting.value for setting in self.settings if setting.name == name)
