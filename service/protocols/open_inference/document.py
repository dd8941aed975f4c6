"""Look into the JSON of a request, and say what is wrong with it."""

from typing import Any

from service.errors import InputError
from service.pixels import Place

MISSING = object()
"""In the place of a value that is not there."""

_SHOWN_CHARACTERS = 60
_SHOWN_ITEMS = 8


def member(holder: dict[str, Any], name: str, kind: type, words: str, place: Place) -> Any:  # noqa: ANN401 - any JSON value
    """The member `name` of the object at `place`; None where it is absent, or null.

    Raises InputError, which expects `words`, for a value of another type than `kind`.
    """
    value = holder.get(name)
    if value is not None and type(value) is not kind:  # To Python true is a whole number.
        raise refusal([*place, name], expected=words, got=value, kind="wrong-type")
    return value


def parameters_of(holder: dict[str, Any], place: Place) -> dict[str, Any]:
    """Those that this service does not know are no error: the protocol has many extensions."""
    parameters: dict[str, Any] | None = member(holder, "parameters", dict, "an object", place)
    return parameters or {}


def refusal(place: Place, *, expected: str, got: object, kind: str, hint: str = "") -> InputError:
    """The error for the value `got` at `place`, which is not what was `expected`; not raised."""
    shown = _shown(got)
    where = ".".join(map(str, place)) or "The body"
    sentence = f"{where} is {shown}, expected {expected}. {hint}".rstrip()
    problem = {"loc": list(place), "expected": expected, "got": shown}
    return InputError(sentence, kind=kind, problems=[problem])


def _shown(value: object) -> str:
    """`value` as JSON has it, but never longer than a line."""
    if value is MISSING:
        return "missing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return _shown_list(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _shown_list(values: list[object]) -> str:
    if len(values) > _SHOWN_ITEMS or any(isinstance(value, list | dict) for value in values):
        return f"a list of {len(values)}"
    return f"[{', '.join(map(_shown, values))}]"
