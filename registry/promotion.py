"""Move an alias by the rules: expectation first, then the policy's gate and its signatures."""

from collections.abc import Sequence

from registry import gate, notes
from registry.aliases import Alias, Intent
from registry.card import CardSignature, ModelCard, now
from registry.errors import AliasMovedError, NotFoundError, RefusedError, UntrustedError
from registry.moves import AliasMove, Anything, Refusal, Resolved, actor
from registry.policy import Policy
from registry.signing import signers
from registry.store import ObjectStore


def promote(
    store: ObjectStore,
    policy: Policy,
    card: ModelCard,
    alias: str,
    *,
    expect: int | Anything | None,
    reason: str,
    force: bool,
) -> AliasMove:
    """Let `alias` name the version of `card`; three requests, more where the policy wants keys."""
    signatures = require_trusted(store, policy, card, alias)

    def decide(present: Resolved | None) -> Intent | None:
        _require_expected(card.name, alias, present, expect)
        if present and present.card == card:
            return None
        broken = gate.refusals(card, present.card if present else None, policy.of(alias))
        if broken and not (force and reason):
            _refuse(store, card, alias, present, reason, broken)
        return Intent(card, "promote", reason, overruled=broken, signatures=signatures)

    return Alias(store, card.name, alias).append(decide)


def roll_back(
    store: ObjectStore,
    policy: Policy,
    model: str,
    alias: str,
    *,
    expect: int | Anything,
    reason: str,
) -> AliasMove:
    """Let `alias` name again what it named before its present target; four requests."""
    log = Alias(store, model, alias)

    def decide(present: Resolved | None) -> Intent:
        _require_expected(model, alias, present, expect)
        if present is None or present.move.state <= 1:
            raise NotFoundError(f"{model}@{alias} has never named anything before")
        target, _ = log.entry(present.move.state - 1)
        require_signature(policy, alias, target.card, target.signatures)
        return Intent(
            target.card, "rollback", reason, restores=target.state, signatures=target.signatures
        )

    return log.append(decide)


def require_trusted(
    store: ObjectStore, policy: Policy, card: ModelCard, alias: str
) -> tuple[CardSignature, ...]:
    """Raise UntrustedError where the policy of `alias` asks for a signature that `card` has not.

    Returns the signatures that were added to the version later, where the policy asks for any.
    """
    signatures = tuple(notes.signatures(store, card)) if policy.of(alias).signed_by else ()
    require_signature(policy, alias, card, signatures)
    return signatures


def require_signature(
    policy: Policy, alias: str, card: ModelCard, added: Sequence[CardSignature]
) -> None:
    """Raise UntrustedError where the policy of `alias` asks for a signature that is not there."""
    wanted = policy.of(alias).signed_by
    if wanted and not signers(
        card, [*card.signatures, *added], {name: policy.keys[name] for name in wanted}
    ):
        raise UntrustedError(
            f"{card.name} version {card.version} is not validly signed by {' or '.join(wanted)}, "
            f"which the policy of {alias} asks for"
        )


def _require_expected(
    model: str, alias: str, present: Resolved | None, expect: int | Anything | None
) -> None:
    version = present.card.version if present else None
    if isinstance(expect, Anything) or expect == version:
        return
    expected = "it unset" if expect is None else f"version {expect}"
    if present is None:
        raise AliasMovedError(f"{model}@{alias} is not set, expected {expected}", None)
    raise AliasMovedError(
        f"{model}@{alias} is at version {version}, expected {expected}: "
        f"{present.move.actor} moved it at {present.move.at.isoformat()}",
        present.move,
    )


def _refuse(
    store: ObjectStore,
    card: ModelCard,
    alias: str,
    present: Resolved | None,
    reason: str,
    broken: tuple[str, ...],
) -> None:
    refusal = Refusal(
        alias=alias,
        at=now(),
        actor=actor(),
        reason=reason,
        name=card.name,
        version=card.version,
        champion=present.card.version if present else None,
        refusals=broken,
    )
    notes.refuse(store, card.name, refusal)
    raise RefusedError(
        f"{card.name} version {card.version} may not become {alias}: {'; '.join(broken)} "
        "(to overrule, force it and give a reason)",
        broken,
    )
