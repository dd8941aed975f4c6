"""The bodies of requests and responses, as /openapi.json describes them.

The service itself reads and writes without these classes, as they cost time: importing them takes
as long as importing all the rest. Tests hold its answers against them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from registry.contract import DIGITS, IMAGE_PIXELS, IMAGE_SIDE
from service.verdict import Reason


class Body(BaseModel):
    """Of a request or a response; the words below a field describe it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class OpenBody(Body):
    """A body that may have further members."""

    model_config = ConfigDict(extra="allow")


Pixel = Annotated[int, Field(ge=0, le=255)]
Row = Annotated[list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Rows = Annotated[list[Row], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Flat = Annotated[list[Pixel], Field(min_length=IMAGE_PIXELS, max_length=IMAGE_PIXELS)]
Probability = Annotated[float, Field(ge=0, le=1)]
Probabilities = Annotated[list[Probability], Field(min_length=DIGITS, max_length=DIGITS)]
Digit = Annotated[int, Field(ge=0, le=DIGITS - 1)]
Side = Annotated[int, Field(ge=0)]


class Image(RootModel[Rows | Flat]):
    """28 rows of 28 whole numbers from 0 to 255, or all 784 in a row: white ink on black."""


class PixelsRequest(Body):
    """An image as numbers."""

    pixels: Image


class ImageForm(OpenBody):
    """A form with a picture file, as a browser sends it; other fields mean nothing."""

    image: Annotated[str, Field(json_schema_extra={"format": "binary"})]


class ServedModel(Body):
    """Which model answered."""

    name: str
    version: int
    digest: str
    """SHA-256 of the model's file."""


class RankedDigit(Body):
    """One of the likeliest digits."""

    digit: Digit
    probability: Probability


class Verdict(Body):
    """What an image is read as."""

    digit: Digit | None
    """Null where the image is rejected."""
    confidence: Probability
    """How probable the likeliest digit is, given that the image is one."""
    rejected: Reason | None
    """Why no digit is named."""
    probabilities: Probabilities
    """Of the digits 0 to 9, given that the image is one."""
    not_a_digit: Probability | None
    """Of the image being no digit; null where it is blank, or the model does not say."""


class Prediction(Verdict):
    """What an image is read as, and by which model."""

    top: list[RankedDigit]
    """The likeliest digits, the likeliest first."""
    model: ServedModel
    pixels: Rows | None = None
    """What the model saw; only where ?explain=true, and null for a blank image."""
    saliency: list[list[float]] | None = None
    """How much each place speaks for the digit, from -1 to 1; only where ?explain=true."""


class Box(Body):
    """Where a digit is, in pixels of the upright image."""

    left: Side
    top: Side
    width: Side
    height: Side


class FoundDigit(Body):
    """One of the digits in an image."""

    digit: Digit | None
    confidence: Probability
    rejected: Reason | None
    box: Box
    probabilities: Probabilities


class NumberRead(Body):
    """All digits in an image, line by line from the top, each from the left."""

    number: str
    """The digits; a question mark where one is rejected."""
    digits: list[FoundDigit]
    width: Side
    """Of the upright image, in pixels."""
    height: Side
    model: ServedModel


class PixelsInstance(OpenBody):
    """An image as numbers."""

    pixels: Image


class FileInstance(OpenBody):
    """A picture file."""

    b64: Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]


class InstancesRequest(OpenBody):
    """Images, in any mixture of the three forms; whatever else is there means nothing."""

    instances: Annotated[list[Image | PixelsInstance | FileInstance], Field(min_length=1)]


class InstancesResponse(Body):
    """One prediction for each instance."""

    predictions: list[Verdict]
    model_name: str | None = None
    model_version: str | None = None


class ModelNames(Body):
    """The models that are served."""

    models: list[str]


class VersionError(Body):
    """What is wrong with a version, in TensorFlow Serving's words: nothing."""

    error_code: Literal["OK"]
    error_message: str


class VersionStatus(Body):
    """A version that is loaded, in TensorFlow Serving's words."""

    version: str
    state: Literal["AVAILABLE"]
    status: VersionError


class ModelStatus(Body):
    """Whether a model answers."""

    name: str
    ready: bool
    model_version_status: list[VersionStatus]


Parameters = dict[str, Any]
Shape = list[int]


class InputTensor(OpenBody):
    """The images: in `data`, or, with `binary_data_size` in its parameters, behind the JSON."""

    name: Literal["pixels"]
    datatype: Literal["UINT8"]
    shape: Annotated[Shape, Field(min_length=2, max_length=3, examples=[[1, 28, 28]])]
    data: list[Any] | None = None
    """Nested or flat."""
    parameters: Parameters | None = None


class OutputRequest(OpenBody):
    """An output that is asked for; its parameters may be `binary_data` and `classification`."""

    name: Literal["probabilities", "not_a_digit"]
    parameters: Parameters | None = None


class InferenceRequest(OpenBody):
    """Tensors; parameters that are not known mean nothing."""

    id: str | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1)]
    outputs: list[OutputRequest] | None = None
    """All that there are, where none is named."""
    parameters: Parameters | None = None


class OutputTensor(Body):
    """One output; its data is flat, or behind the JSON."""

    name: str
    datatype: Literal["FP32", "BYTES"]
    shape: Shape
    data: list[float] | list[str] | None = None
    parameters: Parameters | None = None


class InferenceResponse(Body):
    """Tensors, and which version answered."""

    model_name: str
    model_version: str
    id: str | None = None
    parameters: Parameters
    outputs: list[OutputTensor]


class ServerMetadata(Body):
    """Which extensions of the protocol there are."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(Body):
    """Name, type and shape of a tensor; -1 is any length."""

    name: str
    datatype: str
    shape: Shape


class ModelMetadata(Body):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ModelConfig(OpenBody):
    """Triton's model configuration."""

    name: str
    platform: str
    max_batch_size: int
    input: list[dict[str, Any]]
    output: list[dict[str, Any]]


class ModelReady(Body):
    """That a version answers."""

    name: str
    ready: bool


class ModelStatistics(OpenBody):
    """How often and for how long models were asked, in Triton's words."""

    model_stats: list[dict[str, Any]]


class IndexRequest(OpenBody):
    """Which versions to list."""

    ready: bool | None = None
    """True: only those that are in memory."""


class RepositoryEntry(Body):
    """A version in the registry."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str | None = None
    """Why it is not in memory."""


class RepositoryIndex(RootModel[list[RepositoryEntry]]):
    """All versions in the registry."""


class RepositoryRequest(OpenBody):
    """Nothing is asked for; parameters that would change a model are refused."""

    parameters: Parameters | None = None


class RepositoryResponse(Body):
    """The state of the model now."""

    name: str
    version: str | None = None
    state: Literal["READY", "UNAVAILABLE"]


class ExecutionParameters(Body):
    """How a batch transform should send its records."""

    MaxConcurrentTransforms: Annotated[int, Field(ge=1)]
    BatchStrategy: Literal["MULTI_RECORD"]
    MaxPayloadInMB: Annotated[int, Field(ge=1, le=100)]


class Health(Body):
    """Whether the service lives, and has a model to answer with."""

    live: bool
    ready: bool
    stale: bool | None = None
    """True where the alias may name another version than the one served; else absent."""


class Alive(Body):
    """A word for a program that asks whether someone is there."""

    status: Literal["alive"]


class ErrorKind(Body):
    """What a kind of error means."""

    type: str
    title: str
    status: int
    meaning: str


class ErrorPlace(OpenBody):
    """One thing that is wrong."""

    loc: list[str | int]
    """Where in the body."""
    expected: Any
    got: Any


class Problem(OpenBody):
    """The body of every error (RFC 9457, and `error` for the clients of inference protocols)."""

    error: str
    """One sentence for the user."""
    type: str
    """The address of what this kind of error means."""
    title: str
    status: int
    detail: str
    """As `error`."""
    errors: list[ErrorPlace] | None = None
    request_id: str | None = None
    """As the header X-Request-Id, which is in the logs as well."""
