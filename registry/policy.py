"""Who and what may become the target of an alias: the rules, as a file states them.

    {
      "keys": {"ci": "ed25519:BASE64"},
      "default": {"require": ["accuracy>=0.9"]},
      "aliases": {"production": {"require": ["accuracy>=0.97"], "signed_by": ["ci"]}}
    }

An alias that is not listed follows `default`; a rule that is not listed has the value given here.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from registry.card import Frozen
from registry.errors import InvalidNameError
from registry.terms import as_number, parse


def _numeric_condition(text: str) -> str:
    try:
        if as_number(parse(text).operand) is None:
            raise ValueError(f"{text!r} compares with no number")
    except InvalidNameError as error:
        raise ValueError(str(error)) from None
    return text


class AliasPolicy(Frozen):
    """The rules of one alias. The defaults stop a broken model, not a mediocre one."""

    require: tuple[Annotated[str, AfterValidator(_numeric_condition)], ...] = ("accuracy>=0.5",)
    """Conditions on the metrics."""
    significance: Annotated[float, Field(ge=0, lt=0.5)] = 0.01
    """Refuse a candidate where it being no worse than the champion is less likely than this."""
    test_examples: Annotated[int, Field(ge=1)] = 10_000
    """Examples in the test set, for versions that do not record an outcome for each."""
    parity_max_abs_error: float | None = 1e-4
    """Largest difference allowed between the trained and the exported model; None: do not ask."""
    clean_git: bool = False
    """Whether the code must have been committed."""
    signed_by: tuple[str, ...] = ()
    """Names of keys, one of which must have signed; none: no signature is asked for."""


class Policy(Frozen):
    """The rules of every alias."""

    keys: dict[str, Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]] = Field(
        default={}
    )
    """Ed25519 public keys by a name that people know."""
    default: AliasPolicy = AliasPolicy()
    aliases: dict[str, AliasPolicy] = Field(default={})

    @model_validator(mode="after")
    def _names_only_its_own_keys(self) -> Self:
        for rules in (self.default, *self.aliases.values()):
            unknown = set(rules.signed_by) - set(self.keys)
            if unknown:
                raise ValueError(f"signed_by names {', '.join(sorted(unknown))}, not among keys")
        return self

    def of(self, alias: str) -> AliasPolicy:
        """The rules of one alias."""
        return self.aliases.get(alias, self.default)


def read_policy(path: Path) -> Policy:
    """The policy in a file; raises InvalidNameError, naming what is wrong in it."""
    try:
        return Policy.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidNameError(f"cannot read the policy {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise InvalidNameError(f"the policy {path} is wrong at {where}: {first['msg']}") from None
