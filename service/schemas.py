"""The bodies of requests and responses: the service's contract."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from registry.contract import DIGITS, IMAGE_SIDE

Pixel = Annotated[int, Field(strict=True, ge=0, le=255)]
Row = Annotated[list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Image = Annotated[list[Row], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]


class PixelsRequest(BaseModel):
    """A JSON body of /predict: 28 rows of 28 whole numbers from 0 to 255, white ink on black."""

    model_config = ConfigDict(extra="forbid")

    pixels: Image


class ServedModel(BaseModel):
    """Which model answered."""

    name: str
    version: int
    digest: str


class Prediction(BaseModel):
    """The answer of /predict."""

    digit: Annotated[int, Field(ge=0, lt=DIGITS)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    probabilities: Annotated[list[float], Field(min_length=DIGITS, max_length=DIGITS)]
    """Of each digit, given that the image is one."""
    not_a_digit: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of the image being no digit; absent where the model does not say."""
    model: ServedModel
    pixels: Image | None = None
    """What the model saw; only where the request asked for it with ?explain=true."""


class ErrorBody(BaseModel):
    """The body of every error; some have further members."""

    model_config = ConfigDict(extra="allow")

    error: str
    """One sentence for the user."""
    status: int


class Health(BaseModel):
    """The answer of the health routes."""

    live: bool
    ready: bool
    stale: bool | None = None
    """True where the alias may name another version than the one served; else absent."""
