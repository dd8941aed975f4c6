"""Conditions such as `accuracy>=0.97`, as promotion rules and searches are written in."""

import operator
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from registry.errors import InvalidNameError

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_TERM = re.compile(r"\s*([\w.@/-]+)\s*(>=|<=|!=|>|<|=)\s*(.*?)\s*")


class Term(NamedTuple):
    """One condition on the value of `key`."""

    key: str
    operator: str
    operand: str

    def holds(self, value: object) -> bool:
        """Whether `value` meets the condition: as numbers where both are, else as text.

        Only numbers have an order: text meets no other condition than = and !=.
        """
        number, limit = as_number(value), as_number(self.operand)
        if number is not None and limit is not None:
            return _OPERATORS[self.operator](number, limit)
        if self.operator in {"=", "!="}:
            return _OPERATORS[self.operator](str(value), self.operand)
        return False

    def __str__(self) -> str:
        return f"{self.key}{self.operator}{self.operand}"


def parse(text: str) -> Term:
    """The condition that `text` states; raises InvalidNameError."""
    found = _TERM.fullmatch(text)
    if found is None:
        raise InvalidNameError(
            f"{text!r} is not a condition: write NAME OPERATOR VALUE, such as accuracy>0.97, "
            f"with one of {' '.join(_OPERATORS)}"
        )
    return Term(*found.groups())


def as_number(value: object) -> float | None:
    """`value` as a number, or None where it is not one; a truth value is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
