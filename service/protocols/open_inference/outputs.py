"""What a client wants to have of the answer, and in which form."""

from typing import Any, NamedTuple

from registry.contract import DIGITS, NOT_A_DIGIT_NAME, OUTPUT_NAME
from service.pixels import Place
from service.protocols.open_inference.document import MISSING, member, parameters_of, refusal

_OUTPUT_NAMES = [OUTPUT_NAME, NOT_A_DIGIT_NAME]


class RequestedOutput(NamedTuple):
    """One tensor of the answer."""

    name: str
    is_binary: bool = False
    """Behind the JSON instead of in it."""
    classes: int | None = None
    """How many of the likeliest classes to name, instead of giving the numbers."""


def read_outputs(document: dict[str, Any]) -> tuple[list[RequestedOutput], bool]:
    """The outputs that a request names, and whether those that it does not name are binary."""
    parameters = parameters_of(document, [])
    is_binary = _flag(parameters, "binary_data_output", ["parameters"]) or False
    entries: list[object] = member(document, "outputs", list, "a list of outputs", []) or []
    outputs = [
        _output(entry, ["outputs", position], is_binary=is_binary)
        for position, entry in enumerate(entries)
    ]
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        raise refusal(["outputs"], expected="each output once", got=names, kind="wrong-outputs")
    return outputs, is_binary


def _output(entry: object, at: Place, *, is_binary: bool) -> RequestedOutput:
    if not isinstance(entry, dict):
        raise refusal(at, expected="an object", got=entry, kind="wrong-type")
    name = entry.get("name", MISSING)
    if name not in _OUTPUT_NAMES:
        expected = " or ".join(_OUTPUT_NAMES)
        raise refusal([*at, "name"], expected=expected, got=name, kind="unknown-output")
    parameters = parameters_of(entry, at)
    own = _flag(parameters, "binary_data", [*at, "parameters"])
    classes = _classes(parameters, name, [*at, "parameters"])
    return RequestedOutput(name, is_binary if own is None else own, classes)


def _flag(parameters: dict[str, Any], name: str, at: Place) -> bool | None:
    flag: bool | None = member(parameters, name, bool, "true or false", at)
    return flag


def _classes(parameters: dict[str, Any], output: str, at: Place) -> int | None:
    """As in Triton, asking for more classes than there are gives all of them."""
    words = f"a number of classes, from 1 to {DIGITS}"
    classes: int | None = member(parameters, "classification", int, words, at)
    if classes is None:
        return None
    if output != OUTPUT_NAME:
        words = f"nothing, as only {OUTPUT_NAME} has classes"
    if classes < 1 or output != OUTPUT_NAME:
        raise refusal([*at, "classification"], expected=words, got=classes, kind="wrong-parameter")
    return min(classes, DIGITS)
