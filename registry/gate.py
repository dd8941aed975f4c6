"""The promotion gate: what a version must show before an alias may name it.

Every rule is a pure function from cards to sentences, one for each way in which it is broken.
"""

import math
from collections.abc import Iterator

from registry.card import ModelCard, TensorSpec
from registry.policy import AliasPolicy
from registry.terms import parse

PARITY = "parity_max_abs_error"


def refusals(
    candidate: ModelCard, champion: ModelCard | None, policy: AliasPolicy
) -> tuple[str, ...]:
    """The rules that `candidate` breaks, and by how much; empty where it may be promoted."""
    broken = [*_thresholds(candidate, policy), *_parity(candidate, policy)]
    broken += _provenance(candidate, policy)
    if champion is not None and champion.version != candidate.version:
        broken += _compatibility(candidate, champion)
        broken += _regression(candidate, champion, policy)
    return tuple(broken)


def _thresholds(candidate: ModelCard, policy: AliasPolicy) -> Iterator[str]:
    for term in map(parse, policy.require):
        value = candidate.metrics.get(term.key)
        if value is None:
            yield f"{term}: the version records no {term.key}"
        elif not term.holds(value):
            short = abs(value - float(term.operand))
            yield f"{term}: {term.key} is {value:.6g}, off by {short:.3g}"


def _parity(candidate: ModelCard, policy: AliasPolicy) -> Iterator[str]:
    limit, error = policy.parity_max_abs_error, candidate.metrics.get(PARITY)
    if limit is None:
        return
    if error is None:
        yield f"parity: the version records no {PARITY}, so nobody compared the exported model"
    elif error > limit:
        yield f"parity: {PARITY} is {error:.3g}, {error - limit:.3g} over {limit:.3g}"


def _provenance(candidate: ModelCard, policy: AliasPolicy) -> Iterator[str]:
    if policy.clean_git and candidate.lineage.git_dirty is not False:
        yield "clean_git: the version was trained from code that was not committed"


def _compatibility(candidate: ModelCard, champion: ModelCard) -> Iterator[str]:
    """Whoever talks to the champion must be able to talk to the candidate."""
    given = {spec.name: spec for spec in champion.signature.inputs}
    for spec in candidate.signature.inputs:
        if spec.name not in given:
            yield f"signature: it asks for an input {spec.name!r} that callers do not send"
        elif not _accepts(spec, given[spec.name]):
            yield f"signature: its input is {_told(spec)}, callers send {_told(given[spec.name])}"
    for name in sorted(given.keys() - {spec.name for spec in candidate.signature.inputs}):
        yield f"signature: it does not take the input {name!r} that callers send"
    made = {spec.name: spec for spec in candidate.signature.outputs}
    for spec in champion.signature.outputs:
        if spec.name not in made:
            yield f"signature: it lacks the output {spec.name!r} that callers read"
        elif not _accepts(spec, made[spec.name]):
            yield f"signature: its output is {_told(made[spec.name])}, callers read {_told(spec)}"


def _accepts(taker: TensorSpec, giver: TensorSpec) -> bool:
    """Whether every tensor that `giver` describes fits `taker`."""
    return (
        taker.dtype == giver.dtype
        and len(taker.shape) == len(giver.shape)
        and all(
            isinstance(taken, str) or taken == given
            for taken, given in zip(taker.shape, giver.shape, strict=True)
        )
    )


def _told(spec: TensorSpec) -> str:
    return f"{spec.name}: {spec.dtype}[{','.join(map(str, spec.shape))}]"


def _regression(candidate: ModelCard, champion: ModelCard, policy: AliasPolicy) -> Iterator[str]:
    ours, theirs = candidate.outcomes, champion.outcomes
    if ours and theirs and ours.test_set == theirs.test_set and ours.examples == theirs.examples:
        lost = (theirs.bits & ~ours.bits).bit_count()
        won = (ours.bits & ~theirs.bits).bit_count()
        test, p = "McNemar's exact test", mcnemar(lost, won)
        evidence = f"it loses {lost} examples and wins {won}"
    elif ours and theirs:
        yield (
            f"regression: version {champion.version} was tested on other examples, so the two "
            "cannot be compared"
        )
        return
    elif "accuracy" in candidate.metrics and "accuracy" in champion.metrics:
        ours_accuracy, theirs_accuracy = candidate.metrics["accuracy"], champion.metrics["accuracy"]
        test = f"a z-test over {policy.test_examples} examples"
        p = two_proportions(ours_accuracy, theirs_accuracy, policy.test_examples)
        evidence = f"accuracy is {ours_accuracy:.4f} after {theirs_accuracy:.4f}"
    else:
        yield f"regression: nothing compares it with version {champion.version}: no accuracy"
        return
    if p < policy.significance:
        yield (
            f"regression: worse than version {champion.version}: {evidence}, "
            f"p = {p:.2g} by {test}, below {policy.significance:g}"
        )


def mcnemar(lost: int, won: int) -> float:
    """Probability of losing at least `lost` of `lost + won` disagreements by chance alone.

    McNemar's exact test, one-sided. It looks only at the examples on which two models disagree,
    which is why it finds far smaller regressions than a comparison of two accuracies.
    """
    disagreements = lost + won
    tail = sum(math.comb(disagreements, count) for count in range(lost, disagreements + 1))
    return tail / (1 << disagreements)


def two_proportions(ours: float, theirs: float, examples: int) -> float:
    """Probability that our accuracy falls this far below theirs by chance alone.

    The one-sided z-test for independent samples. Two models of one test set are not independent:
    the test is blind to small regressions, and serves where the outcomes were not recorded.
    """
    pooled = (ours + theirs) / 2
    spread = math.sqrt(2 * pooled * (1 - pooled) / examples)
    if spread == 0:
        return 1.0
    return 0.5 * math.erfc((theirs - ours) / spread / math.sqrt(2))
