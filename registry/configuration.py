"""Read a program's settings from flags, environment and file into one frozen pydantic model.

pydantic-settings does the same and more, but importing it takes half as long as importing Flask,
and cold start is a feature (DECISIONS.md).
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

if TYPE_CHECKING:
    import argparse

# The programs share one environment, so each tolerates the settings of the others.
_PROGRAM_PREFIXES = (
    "ZIFFER_TRAIN_",
    "ZIFFER_SEARCH_",
    "ZIFFER_POPULATION_",
    "ZIFFER_SERVE_",
    "ZIFFER_BATCH_",
)

# Kubernetes describes a Service named "ziffer" to every pod in variables such as these.
_SERVICE_LINK = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$")

# Of these Kubernetes makes addresses; anything else was meant as the port to listen on.
_LINK_OR_MISTAKE = frozenset({"ZIFFER_PORT", "ZIFFER_SERVE_PORT"})


class SettingsError(Exception):
    """A setting is unknown or impossible; the text names it, its value and what is allowed."""


class Settings(BaseModel):
    """Base of all settings; a field that is itself a Settings adds its fields to the same list.

    A field `batch_size` is read from the flag `--batch-size` or else from the environment variable
    `env_prefix` + `BATCH_SIZE`. An empty variable counts as unset. Where a program has a setting
    `config`, the TOML file that it names is read as well (`registry.settings_file`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    env_prefix: ClassVar[str] = "ZIFFER_"


Program = TypeVar("Program", bound=Settings)

Given = dict[tuple[str, ...], tuple[str, Any]]
"""Where each setting that was given comes from, as its user would call it, and its value."""

CONFIG = ("config",)
"""The setting that names a file with others."""


def setting(
    default: Any,  # noqa: ANN401 - of whatever type the setting is
    description: str,
    *,
    env: str | None = None,
    platforms: Sequence[str] = (),
    **bounds: Any,  # noqa: ANN401 - as above
) -> Any:  # noqa: ANN401 - as above
    """A field with its description for --help, its bounds (ge, gt, le, lt) and its variable.

    The variables of `platforms` come before it: what a platform sets is what it relies on.
    """
    extra: dict[str, Any] = {"env": env, "platforms": list(platforms)}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Leaf:
    """One setting as users see it."""

    path: tuple[str, ...]
    env: str
    field: FieldInfo
    platforms: tuple[str, ...] = ()
    """Variables that come before `env`."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Where the setting is looked for in the environment, in this order."""
        return (*self.platforms, self.env)

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--" + self.path[-1].replace("_", "-")

    @property
    def default(self) -> str:
        """The default, as it would be typed; empty where there is none."""
        default = self.field.default
        if isinstance(default, bool):
            return str(default).lower()
        return "" if default is None else str(default)


def settings_of(program: type[Settings]) -> list[Leaf]:
    """Every setting of a program, in the order in which they are declared."""
    return list(_leaves(program, ()))


def load(
    program: type[Program],
    name: str,
    description: str | None,
    argv: Sequence[str],
    environ: Mapping[str, str],
) -> Program:
    """The settings of the program called `name`: flags, environment, file, defaults, in this order.

    Raises SettingsError for a value that is not allowed, for a `ZIFFER_` variable that no program
    knows and for a file that cannot be used; argparse exits with status 2 for a flag that the
    program does not know.
    """
    if not argv:
        return resolve(program, {}, environ)
    import argparse  # Here, as services have their settings from the environment.

    parser = argparse.ArgumentParser(name, description=description, allow_abbrev=False)
    add_flags(parser, program)
    return resolve(program, vars(parser.parse_args(argv)), environ)


def resolve(
    program: type[Program], flags: Mapping[str, Any], environ: Mapping[str, str]
) -> Program:
    """As `load`, from flags parsed already: setting name to value, None where it was not given."""
    leaves = settings_of(program)
    _refuse_unknown(leaves, environ)
    given: Given = {}
    for leaf in leaves:
        if flags.get(leaf.path[-1]) is not None:
            given[leaf.path] = (leaf.flag, flags[leaf.path[-1]])
        elif name := next(filter(environ.get, leaf.variables), None):
            given[leaf.path] = (name, environ[name])
    if CONFIG in given:
        # Imported here: the service, whose cold start counts, reads no file.
        from registry import settings_file

        given = settings_file.read(given[CONFIG][1], leaves) | given
    try:
        return program.model_validate(_nested({path: value for path, (_, value) in given.items()}))
    except ValidationError as error:
        raise SettingsError(
            "\n".join(explain(details, leaves, given) for details in error.errors())
        ) from None


def add_flags(parser: "argparse.ArgumentParser", program: type[Settings]) -> None:
    """Let `parser` take a flag for each setting of `program`."""
    from argparse import BooleanOptionalAction

    group = parser.add_argument_group(
        "settings", "each can also be set by the variable in brackets"
    )
    for leaf in settings_of(program):
        default = f"; default: {leaf.default}" if leaf.default else ""
        help_text = f"{leaf.field.description} [{', '.join(leaf.variables)}{default}]".replace(
            "%", "%%"
        )
        if leaf.field.annotation is bool:
            group.add_argument(
                leaf.flag, action=BooleanOptionalAction, default=None, help=help_text
            )
        else:
            group.add_argument(leaf.flag, metavar="VALUE", help=help_text)


def _leaves(model: type[Settings], path: tuple[str, ...]) -> Iterator[Leaf]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Settings):
            yield from _leaves(inner, (*path, name))
            continue
        extra = field.json_schema_extra
        said: dict[str, Any] = extra if isinstance(extra, dict) else {}
        env = said.get("env") or model.env_prefix + name.upper()
        yield Leaf((*path, name), env, field, tuple(said.get("platforms", ())))


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for (*parents, name), value in values.items():
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = value
    return tree


def _refuse_unknown(leaves: Sequence[Leaf], environ: Mapping[str, str]) -> None:
    known = {leaf.env for leaf in leaves}
    own = {prefix for prefix in _PROGRAM_PREFIXES if any(env.startswith(prefix) for env in known)}
    foreign = tuple(set(_PROGRAM_PREFIXES) - own)
    for name, value in environ.items():
        if not name.startswith("ZIFFER_") or name in known or name.startswith(foreign):
            continue
        if _SERVICE_LINK.search(name) and (name not in _LINK_OR_MISTAKE or "://" in value):
            continue
        raise SettingsError(f"{name} (set to {value!r}) is not a setting: {hint(name, known)}")


def hint(name: str, known: Collection[str]) -> str:
    """What may have been meant by a `name` that is none of `known`."""
    # Settings that platforms know have no prefix of ours.
    bare = [other for other in known if name.endswith(f"_{other}")]
    close = bare or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"


def explain(details: ErrorDetails, leaves: Sequence[Leaf], given: Given) -> str:
    """One sentence: which of `leaves` is wrong, where it was given, its value, what is allowed."""
    leaf = next((leaf for leaf in leaves if leaf.path == details["loc"][: len(leaf.path)]), None)
    message = details["msg"].removeprefix("Value error, ")
    if leaf is None:
        return message
    source, value = given.get(leaf.path, (leaf.env, leaf.field.default))
    return f"{source} is {value!r}: {message[:1].lower()}{message[1:]}{_bounds(leaf.field)}"


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [
        f"{word} {getattr(item, name)}"
        for name, word in words.items()
        for item in field.metadata
        if getattr(item, name, None) is not None
    ]
    return f" (allowed: {' and '.join(limits)})" if limits else ""
