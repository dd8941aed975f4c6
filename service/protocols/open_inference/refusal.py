"""Say what is wrong with a request: where it is, what was expected, and what came."""

from collections.abc import Sequence

from service.errors import InputError

Location = Sequence[str | int]
"""The way from the body to a value: ["inputs", 0, "shape"]; empty for the body itself."""

MISSING = "nothing"

_SHOWN_CHARACTERS = 60
_SHOWN_ITEMS = 8


def refusal(
    location: Location, *, expected: str, got: object, kind: str, hint: str = ""
) -> InputError:
    """The error for the value `got` in a request, where `expected` should be; not raised here."""
    shown = _shown(got)
    sentence = f"{_path(location)}: expected {expected}, got {shown}. {hint}".rstrip()
    problem = {"loc": list(location), "expected": expected, "got": shown}
    return InputError(sentence, kind=kind, problems=[problem])


def _path(location: Location) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(steps).lstrip(".") or "The body"


def _shown(value: object) -> str:
    """`value` as JSON has it, but never longer than a line."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return _shown_list(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if value is MISSING:
        return MISSING
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _shown_list(values: list[object]) -> str:
    if len(values) > _SHOWN_ITEMS or any(isinstance(value, list | dict) for value in values):
        return f"a list of {len(values):,}"
    return f"[{', '.join(map(_shown, values))}]"
