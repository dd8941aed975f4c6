"""Read settings from a TOML file: a line each, such as `learning_rate = 0.01`.

Hyphens may stand for underscores. Relative paths are relative to the working directory, as in flags
and variables.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from registry.configuration import CONFIG, Given, Leaf, SettingsError, explain, hint


def read(path: str, leaves: Sequence[Leaf]) -> Given:
    """What the file at `path` says of the settings `leaves`.

    Only types are checked here, as what is allowed may depend on a flag. Raises SettingsError,
    which names the file, for one that cannot be read, is not TOML or has an unknown key, a table
    or a value of another type.
    """
    known = {leaf.path[-1]: leaf for leaf in leaves if leaf.path != CONFIG}
    given: Given = {}
    complaints = []
    for key, value in _parsed(path).items():
        source, name = f"{key} in {path}", key.replace("-", "_")
        complaint = _complaint(source, name, value, known)
        if complaint is None and known[name].path in given:
            complaint = f"{source} is given twice, with '-' and with '_': remove one of the two"
        if complaint is None:
            given[known[name].path] = (source, value)
        else:
            complaints.append(complaint)
    if complaints:
        raise SettingsError("\n".join(complaints))
    return given


def _parsed(path: str) -> dict[str, Any]:
    try:
        with Path(path).expanduser().open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"cannot read the settings in {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None


def _complaint(source: str, name: str, value: object, known: dict[str, Leaf]) -> str | None:
    """What is wrong with one line of the file; None where nothing is."""
    if isinstance(value, dict):
        return f"{source} is a table: write the settings without one, such as learning_rate = 0.01"
    if name not in known:
        return f"{source} (set to {value!r}) is not a setting: {hint(name, known)}"
    if not isinstance(value, bool | int | float | str):
        return f"{source} is {value!r}: expected one number, string, true or false"
    leaf = known[name]
    try:
        # JSON has a string for a path or a secret, and a strict reader takes neither "7" nor true
        # for a number.
        TypeAdapter[Any](leaf.field.annotation or Any).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        [details, *_] = error.errors()
        return explain({**details, "loc": leaf.path}, [leaf], {leaf.path: (source, value)})
    return None
