"""What choosing among many trainings needs: ranges, validation images, and the way back to one.

The choice is made on images at the end of the training set. The test set is for the one that was
chosen, once.
"""

import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from registry.configuration import settings_of
from training.data import DataSettings
from training.recipe import Recipe

VALIDATION_SIZE = 10_000
"""Images to choose by, where the settings do not say."""


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; users write low:high, or one value alone."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


def _parse(text: Any) -> Range:  # noqa: ANN401 - pydantic hands over whatever there is
    if isinstance(text, Range):
        return text
    low, colon, high = str(text).partition(":")
    try:
        parsed = Range(float(low), float(high if colon else low))
    except ValueError:
        raise ValueError("expected FROM:TO, such as 16:64, or one value") from None
    if not (math.isfinite(parsed.low) and math.isfinite(parsed.high)):
        raise ValueError("expected finite numbers")
    if parsed.low > parsed.high:
        raise ValueError(f"{text} runs from more to less, did you mean {high}:{low}?")
    return parsed


def parse_positive(text: Any) -> Range:  # noqa: ANN401
    """A range above zero, as a user writes it; raises ValueError."""
    parsed = _parse(text)
    if parsed.low <= 0:
        raise ValueError(f"expected numbers above zero, not {parsed.low:g}")
    return parsed


def _parse_whole(text: Any) -> Range:  # noqa: ANN401
    parsed = _parse(text)
    for end in (parsed.low, parsed.high):
        if not end.is_integer():
            raise ValueError(f"expected whole numbers, not {end:g}")
    return parsed


def _parse_powers_of_two(text: Any) -> Range:  # noqa: ANN401
    parsed = parse_positive(text)
    for end in (parsed.low, parsed.high):
        if not math.log2(end).is_integer() or end < 1:
            raise ValueError(f"expected powers of two, such as 16:64, not {end:g}")
    return parsed


PositiveRange = Annotated[Range, BeforeValidator(parse_positive)]
WholeRange = Annotated[Range, BeforeValidator(_parse_whole)]
PowersOfTwo = Annotated[Range, BeforeValidator(_parse_powers_of_two)]


def require_possible(ends: Range, name: str, flag: str) -> None:
    """Raise ValueError where a recipe's setting `name` can not have these values."""
    for end in (ends.low, ends.high):
        try:
            Recipe.model_validate({name: end})
        except ValidationError as error:
            raise ValueError(f"{flag} holds {end:g}: {error.errors()[0]['msg']}") from None


def given(recipe: Recipe) -> set[str]:
    """The settings that were given, other than those of the named recipe."""
    default = Recipe(recipe=recipe.recipe)
    named = recipe.model_fields_set - default.model_fields_set
    return named | {
        name for name in Recipe.model_fields if getattr(recipe, name) != getattr(default, name)
    }


def with_validation(recipe: Recipe) -> Recipe:
    """The recipe with images to choose by; raises ValueError where it rules them out."""
    if recipe.validation_size:
        return recipe
    if "validation_size" in recipe.model_fields_set:
        raise ValueError("--validation-size is 0, but there must be images to choose by")
    return recipe.model_copy(update={"validation_size": VALIDATION_SIZE})


def standard_error(accuracy: float, images: int) -> float:
    """Of an accuracy that was measured on so many images, as that of a binomial share."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def command(recipe: Recipe, data: DataSettings) -> str:
    """The command line that trains and registers what `recipe` makes of this data."""
    flags = [
        *_flags(recipe, Recipe(recipe=recipe.recipe), ["recipe"]),
        *_flags(data, DataSettings()),
    ]
    return shlex.join(["python", "-m", "training", *flags])


def _flags(
    settings: Recipe | DataSettings,
    default: Recipe | DataSettings,
    always: Iterable[str] = (),
) -> list[str]:
    flags: list[str] = []
    for leaf in settings_of(type(settings)):
        (name,) = leaf.path
        value = getattr(settings, name)
        if name in always or value != getattr(default, name):
            flags += [leaf.flag, str(value)]
    return flags
