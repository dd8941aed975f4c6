"""The promotion gate: which models may not be promoted, and what becomes of the attempt."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import notes
from registry.card import ModelCard, Outcomes, Signature, TensorSpec
from registry.catalog import Registry
from registry.contract import SIGNATURE
from registry.errors import InvalidNameError, RefusedError
from registry.gate import mcnemar, refusals, two_proportions
from registry.policy import AliasPolicy, Policy, read_policy
from tests.registry_examples import DIGITS, LINEAGE, PRODUCTION, draft, publish
from tests.registry_memory import MemoryStore

TEST_SET = "a" * 64
EXAMPLES = 10_000


def outcomes(wrong: set[int], test_set: str = TEST_SET) -> Outcomes:
    return Outcomes.of((n not in wrong for n in range(EXAMPLES)), test_set=test_set)


@pytest.fixture
def registry() -> Registry:
    return Registry(MemoryStore())


def judge(
    registry: Registry, champion: dict[str, object], candidate: dict[str, object], **rules: object
) -> tuple[str, ...]:
    cards = [publish(registry, b"m", draft(**given)) for given in (champion, candidate)]  # type: ignore[arg-type]
    return refusals(cards[1], cards[0], AliasPolicy.model_validate(rules))


def test_the_first_of_all_passes(registry: Registry) -> None:
    assert refusals(publish(registry), None, AliasPolicy()) == ()


def test_an_equal_passes(registry: Registry) -> None:
    assert judge(registry, {}, {}) == ()


def test_a_threshold_says_by_how_much_it_is_missed(registry: Registry) -> None:
    [broken] = refusals(
        publish(registry, draft=draft(0.955)), None, AliasPolicy(require=("accuracy>=0.97",))
    )

    assert broken == "accuracy>=0.97: accuracy is 0.955, off by 0.015"


def test_a_metric_that_was_not_recorded_passes_no_threshold(registry: Registry) -> None:
    [broken] = refusals(publish(registry), None, AliasPolicy(require=("f1>0",)))

    assert broken == "f1>0: the version records no f1"


def test_parity_must_be_recorded_and_small(registry: Registry) -> None:
    unknown = publish(registry, draft=draft(metrics={"accuracy": 0.97}))
    large = publish(registry, draft=draft(metrics={"accuracy": 0.97, "parity_max_abs_error": 0.25}))

    [nobody_compared] = refusals(unknown, None, AliasPolicy())
    [too_much] = refusals(large, None, AliasPolicy())

    assert "records no parity_max_abs_error" in nobody_compared
    assert too_much == "parity: parity_max_abs_error is 0.25, 0.25 over 0.0001"
    assert refusals(unknown, None, AliasPolicy(parity_max_abs_error=None)) == ()


def test_uncommitted_code_passes_unless_the_policy_minds(registry: Registry) -> None:
    dirty = publish(registry, draft=draft(lineage=LINEAGE.model_copy(update={"git_dirty": True})))

    assert refusals(dirty, None, AliasPolicy()) == ()
    [broken] = refusals(dirty, None, AliasPolicy(clean_git=True))
    assert broken.startswith("clean_git")


def test_a_significant_regression_on_the_same_examples_is_refused(registry: Registry) -> None:
    [broken] = judge(
        registry,
        {"outcomes": outcomes(set(range(100)))},
        {"outcomes": outcomes(set(range(100)) | set(range(500, 530)))},
    )

    assert broken.startswith("regression: worse than version 1: it loses 30 examples and wins 0")
    assert "McNemar's exact test, below 0.01" in broken


def test_as_many_losses_as_wins_are_no_regression(registry: Registry) -> None:
    assert (
        judge(
            registry,
            {"outcomes": outcomes(set(range(100)))},
            {"outcomes": outcomes(set(range(50, 155)))},
        )
        == ()
    )


def test_mcnemar_sees_what_two_accuracies_hide(registry: Registry) -> None:
    champion, candidate = set(range(300)), set(range(330))

    with_outcomes = judge(
        registry,
        {"accuracy": 0.97, "outcomes": outcomes(champion)},
        {"accuracy": 0.967, "outcomes": outcomes(candidate)},
    )
    without = judge(registry, {"accuracy": 0.97}, {"accuracy": 0.967})

    assert with_outcomes
    assert not without


def test_without_outcomes_a_large_regression_is_refused_still(registry: Registry) -> None:
    [broken] = judge(registry, {"accuracy": 0.98}, {"accuracy": 0.96})

    assert "accuracy is 0.9600 after 0.9800" in broken
    assert "z-test over 10000 examples" in broken


def test_other_examples_cannot_be_compared(registry: Registry) -> None:
    [broken] = judge(
        registry,
        {"outcomes": outcomes(set())},
        {"outcomes": outcomes(set(), test_set="b" * 64)},
    )

    assert "was tested on other examples" in broken


def test_without_any_accuracy_nothing_is_compared(registry: Registry) -> None:
    metrics: dict[str, object] = {"metrics": {"parity_max_abs_error": 0.0}}

    [broken] = judge(registry, metrics, metrics, require=())

    assert broken == "regression: nothing compares it with version 1: no accuracy"


def spec(
    name: str = "pixels", dtype: str = "uint8", shape: tuple[int | str, ...] = ("N", 28, 28)
) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([spec()], None),
        ([spec(shape=("N", "H", "W"))], None),
        ([spec(shape=("N", 784))], "its input is pixels: uint8[N,784], callers send"),
        ([spec(shape=(1, 28, 28))], "its input is pixels: uint8[1,28,28]"),
        ([spec(dtype="float32")], "its input is pixels: float32[N,28,28]"),
        ([spec("image")], "asks for an input 'image'"),
        ([spec(), spec("extra")], "asks for an input 'extra'"),
        ([], "does not take the input 'pixels'"),
    ],
)
def test_callers_of_the_champion_can_call_the_candidate(
    registry: Registry, inputs: list[TensorSpec], expected: str | None
) -> None:
    signature = Signature(inputs=tuple(inputs), outputs=SIGNATURE.outputs)

    broken = judge(registry, {}, {"signature": signature})

    assert bool(broken) == (expected is not None)
    assert expected is None or expected in " ".join(broken)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([*SIGNATURE.outputs, spec("logits")], None),
        ([], "lacks the output 'probabilities'"),
        ([spec("probabilities", "float32", ("N", 11))], "its output is probabilities: float32"),
    ],
)
def test_readers_of_the_champion_can_read_the_candidate(
    registry: Registry, outputs: list[TensorSpec], expected: str | None
) -> None:
    signature = Signature(inputs=SIGNATURE.inputs, outputs=tuple(outputs))

    broken = judge(registry, {}, {"signature": signature})

    assert bool(broken) == (expected is not None)
    assert expected is None or expected in " ".join(broken)


def test_a_refusal_moves_nothing_and_is_kept(registry: Registry) -> None:
    good, bad = publish(registry), publish(registry, b"bad", draft(0.2))
    registry.promote(good, PRODUCTION)

    with pytest.raises(RefusedError, match=r"version 2 may not become production: accuracy>=0\.5"):
        registry.promote(bad, PRODUCTION, reason="it is friday")

    assert registry.resolve(DIGITS, PRODUCTION).card == good
    [refusal] = notes.refusals(registry.store, DIGITS, PRODUCTION)
    assert (refusal.version, refusal.champion, refusal.reason) == (2, 1, "it is friday")
    assert len(refusal.refusals) == 2


def test_force_wants_a_reason_and_leaves_its_trace(registry: Registry) -> None:
    bad = publish(registry, draft=draft(0.2))

    with pytest.raises(RefusedError, match="give a reason"):
        registry.promote(bad, PRODUCTION, force=True)
    move = registry.promote(bad, PRODUCTION, force=True, reason="a drill")

    assert move.overruled == ("accuracy>=0.5: accuracy is 0.2, off by 0.3",)
    assert registry.log(DIGITS, PRODUCTION)[0].overruled == move.overruled


def test_rollback_is_not_asked_to_pass(registry: Registry) -> None:
    bad = publish(registry, draft=draft(0.2))
    registry.promote(bad, PRODUCTION, force=True, reason="a drill")
    registry.promote(publish(registry), PRODUCTION)

    assert registry.rollback(DIGITS, PRODUCTION).card == bad


def test_each_alias_has_its_own_rules(registry: Registry) -> None:
    strict = AliasPolicy(require=("accuracy>=0.99",))
    registry.policy = Policy(aliases={PRODUCTION: strict})
    card = publish(registry)

    registry.promote(card, "canary")
    with pytest.raises(RefusedError):
        registry.promote(card, PRODUCTION)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_probability_that_falls_with_losses(lost: int, won: int) -> None:
    p = mcnemar(lost, won)

    assert 0 < p <= 1
    assert mcnemar(lost + 1, won) <= p


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [(0, 0, 1.0), (1, 0, 0.5), (5, 5, 0.623046875), (10, 2, 0.019287109375), (0, 9, 1.0)],
)
def test_mcnemar_agrees_with_the_binomial_tail(lost: int, won: int, p: float) -> None:
    assert mcnemar(lost, won) == p


def test_mcnemar_agrees_with_simulation() -> None:
    source = random.Random(0)
    lost, won, rounds = 14, 6, 20_000
    extreme = sum(source.getrandbits(20).bit_count() >= lost for _ in range(rounds))

    assert mcnemar(lost, won) == pytest.approx(extreme / rounds, abs=0.006)


def test_the_z_test_is_even_for_equals_and_certain_for_perfection() -> None:
    assert two_proportions(0.9, 0.9, 1000) == pytest.approx(0.5)
    assert two_proportions(1.0, 1.0, 1000) == 1.0
    assert two_proportions(0.8, 0.9, 1000) < 1e-6


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_outcomes_keep_every_bit(correct: list[bool]) -> None:
    kept = Outcomes.of(correct, test_set=TEST_SET)

    padded = correct + [False] * (-len(correct) % 8)
    assert kept.examples == len(correct)
    assert [kept.bits >> n & 1 == 1 for n in reversed(range(len(padded)))] == padded


def test_outcomes_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="has not 20 bits"):
        Outcomes(test_set=TEST_SET, examples=20, correct="AAAA" * 2)


def test_outcomes_of_a_whole_test_set_are_small(registry: Registry) -> None:
    card = publish(registry, draft=draft(outcomes=outcomes(set())))

    assert len(card.outcomes.correct) == 1668 if card.outcomes else False
    assert isinstance(registry.card(DIGITS, 1), ModelCard)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is wrong at the top"),
        ('{"alias": {}}', "is wrong at alias"),
        ('{"default": {"require": ["accuracy"]}}', "is not a condition"),
        ('{"default": {"require": ["accuracy>high"]}}', "compares with no number"),
        ('{"default": {"signed_by": ["ci"]}}', "signed_by names ci, not among keys"),
        ('{"keys": {"ci": "rsa:AAAA"}}', "is wrong at keys.ci"),
    ],
)
def test_a_wrong_policy_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.json"
    path.write_text(text)

    with pytest.raises(InvalidNameError, match="policy.*" + message.replace(".", r"\.")):
        read_policy(path)


def test_a_missing_policy_is_no_empty_policy(tmp_path: Path) -> None:
    with pytest.raises(InvalidNameError, match="cannot read the policy"):
        read_policy(tmp_path / "policy.json")
