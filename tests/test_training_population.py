import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from rich.console import Console

from registry.configuration import SettingsError, load, settings_of
from registry.settings import RegistrySettings, open_registry
from tests.programs import SAMPLE
from training.activations import ACTIVATIONS, ActivationName
from training.epoch import Epoch
from training.errors import TrainingError
from training.losses import LOSSES, LossName
from training.mnist import Mnist
from training.network import Network, build
from training.optimizers import OPTIMIZERS, OptimizerName
from training.population import __main__ as program
from training.population import census
from training.population.losses import POPULATION_LOSSES
from training.population.members import Population, build_population
from training.population.optimizers import POPULATION_OPTIMIZERS
from training.population.settings import PopulationSettings
from training.population.train import train_population
from training.recipe import Recipe
from training.schedules import ScheduleName
from training.settings import TrainingSettings
from training.train import train

CPU = torch.device("cpu")
RATES = {
    "sgd": 0.1,
    "adagrad": 0.01,
    "momentum": 0.02,
    "nesterov": 0.02,
}


def recipes(count: int = 3, **shared: object) -> list[Recipe]:
    """Members with a seed and a learning rate each; the last minibatch of an epoch is smaller."""
    given: dict[str, object] = {
        "width": 16,
        "batch_size": 64,
        "epochs": 2,
        "optimizer": "momentum",
        **shared,
    }
    rate = RATES.get(str(given["optimizer"]), 0.002)
    return [
        Recipe.model_validate({"learning_rate": rate * (1 + index), **given, "seed": index})
        for index in range(count)
    ]


def together(
    sample: Mnist, members: Sequence[Recipe], device: torch.device = CPU
) -> tuple[Population, list[list[Epoch]]]:
    population = build_population(members, device)
    return population, list(train_population(population, sample.train, members))


def alone(sample: Mnist, recipe: Recipe) -> tuple[Network, list[Epoch]]:
    network = build(recipe)
    return network, list(train(network, sample.train, recipe))


def assert_as_alone(sample: Mnist, members: Sequence[Recipe]) -> None:
    """Member k is what the plain loop makes of recipe k, with the scores that it reports."""
    population, history = together(sample, members)

    for index, recipe in enumerate(members):
        network, epochs = alone(sample, recipe)
        # Where a gradient is next to nothing, optimizers that divide by its size magnify rounding.
        error = (population.parameters[index] - network.parameters).norm()
        assert error < 1e-5 * network.parameters.norm()
        for ours, expected in zip(history, epochs, strict=True):
            assert ours[index].number == expected.number
            assert ours[index].training == pytest.approx(expected.training, rel=1e-4)
            assert bool(ours[index].validation) == bool(recipe.validation_size)
            if expected.validation:
                assert ours[index].validation == pytest.approx(expected.validation, rel=1e-4)
            assert ours[index].gradient_sizes == pytest.approx(expected.gradient_sizes, rel=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("validation_size", [0, 100])
def test_members_are_trained_as_if_alone(
    optimizer: OptimizerName, validation_size: int, sample: Mnist
) -> None:
    assert_as_alone(sample, recipes(optimizer=optimizer, validation_size=validation_size))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_activation_and_loss_is_as_if_alone(
    activation: ActivationName, loss: LossName, sample: Mnist
) -> None:
    assert_as_alone(
        sample, recipes(activation=activation, loss=loss, validation_size=100, epochs=1)
    )


@pytest.mark.parametrize("hidden_layers", [0, 1, 4])
def test_every_depth_is_as_if_alone(hidden_layers: int, sample: Mnist) -> None:
    assert_as_alone(sample, recipes(hidden_layers=hidden_layers, initialization="he"))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "step"])
def test_every_schedule_is_as_if_alone(schedule: ScheduleName, sample: Mnist) -> None:
    assert_as_alone(sample, recipes(2, schedule=schedule, warmup_fraction=0.2, epochs=4))


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adam", "adamw"])
def test_members_have_their_own_momentum_and_decay(optimizer: OptimizerName, sample: Mnist) -> None:
    first, second = recipes(2, optimizer=optimizer)
    other = second.model_copy(update={"momentum": 0.5, "weight_decay": 0.1})

    assert_as_alone(sample, [first, other])


def test_one_member_is_a_population(sample: Mnist) -> None:
    assert_as_alone(sample, recipes(1, validation_size=100))


def test_diverged_member_disturbs_no_other(sample: Mnist) -> None:
    healthy = recipes(3, optimizer="sgd", validation_size=100, weight_decay=0.5, epochs=4)
    # So strong a decay overshoots at this rate.
    broken = healthy[1].model_copy(update={"learning_rate": 10.0, "weight_decay": 10.0})
    _, expected = together(sample, healthy)

    population, history = together(sample, [healthy[0], broken, healthy[2]])

    assert all(map(math.isnan, (*history[-1][1].training, *(history[-1][1].validation or ()))))
    assert not population.parameters[1].isfinite().all()
    for ours, theirs in zip(history, expected, strict=True):
        for index in (0, 2):
            assert ours[index].training == pytest.approx(theirs[index].training, rel=1e-6)
            assert ours[index].validation == pytest.approx(theirs[index].validation, rel=1e-6)


def test_population_ends_when_all_have_diverged(sample: Mnist) -> None:
    broken = recipes(2, optimizer="sgd", learning_rate=10, weight_decay=10, epochs=20)

    with pytest.raises(TrainingError, match=r"all 2 members have diverged by epoch \d+: try"):
        together(sample, broken)


def test_logits_are_those_of_each_member(sample: Mnist) -> None:
    population = build_population(recipes(3, hidden_layers=2, activation="gelu"), CPU)
    images = torch.tensor(sample.test.images[:7])

    logits = population.logits(images)

    for index in range(3):
        expected = population.member(index).logits(images)
        assert torch.allclose(logits[index].mT, expected, atol=1e-6)


def test_populations_know_every_optimizer_and_loss() -> None:
    assert POPULATION_OPTIMIZERS.keys() == OPTIMIZERS.keys()
    assert POPULATION_LOSSES.keys() == LOSSES.keys()
    for name, ours in POPULATION_OPTIMIZERS.items():
        assert ours.buffers == OPTIMIZERS[name].buffers


@pytest.mark.parametrize(
    ("setting", "value"), [("augmentation", "mild"), ("averaging", 0.9), ("patience", 2)]
)
def test_what_a_population_cannot_do_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"--{setting} is {value}, but a population"):
        build_population(recipes(2, validation_size=100, **{setting: value}), CPU)


def test_members_of_two_shapes_are_refused() -> None:
    narrow, wide = recipes(1, width=16) + recipes(1, width=32)

    with pytest.raises(ValueError, match="width 16 and 32: they may differ in seed"):
        build_population([narrow, wide], CPU)


def test_batch_larger_than_the_data_is_refused(sample: Mnist) -> None:
    with pytest.raises(TrainingError, match="--batch-size is 601, but there are only 600"):
        together(sample, recipes(2, batch_size=601))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adamw"])
def test_recorded_steps_train_as_the_cpu_does(optimizer: OptimizerName, sample: Mnist) -> None:
    members = recipes(
        4, optimizer=optimizer, validation_size=100, weight_decay=0.01, schedule="cosine"
    )

    _, on_gpu = together(sample, members, torch.device("cuda"))

    _, on_cpu = together(sample, members)
    for ours, expected in zip(on_gpu, on_cpu, strict=True):
        for mine, its in zip(ours, expected, strict=True):
            assert mine.training.loss == pytest.approx(its.training.loss, rel=1e-3)
            assert mine.validation == pytest.approx(its.validation, rel=1e-2)


ON_SAMPLE = (
    *("--data-dir", str(SAMPLE), "--checksums", str(SAMPLE / "SHA256SUMS")),
    *("--validation-size", "100", "--epochs", "3", "--batch-size", "20", "--width", "16"),
)


def settings(*flags: str) -> PopulationSettings:
    return load(PopulationSettings, "population", None, [*ON_SAMPLE, *flags], {})


def test_learning_rates_are_spaced_by_a_factor() -> None:
    chosen = settings("--members", "4", "--learning-rate-range", "0.001:1", "--seed", "5")

    assert [recipe.seed for recipe in chosen.recipes()] == [5, 6, 7, 8]
    rates = [recipe.learning_rate for recipe in chosen.recipes()]
    assert rates == pytest.approx([0.001, 0.01, 0.1, 1])
    assert rates[-1] <= 1


def test_drawn_learning_rates_are_those_of_the_seed() -> None:
    flags = ("--learning-rate-range", "0.001:1", "--learning-rate-choice", "drawn", "--seed")

    first, again, other = (
        [recipe.learning_rate for recipe in settings(*flags, seed).recipes()]
        for seed in ("1", "1", "2")
    )

    assert first == again != other
    assert len({*first, *other}) == 16
    assert all(0.001 <= rate <= 1 for rate in first)


def test_members_share_the_recipes_learning_rate_by_default() -> None:
    shared = settings("--learning-rate", "0.3").recipes()

    assert {recipe.learning_rate for recipe in shared} == {0.3}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--learning-rate-range", "1:0.1"], "--learning-rate-range is '1:0.1': .*mean 0.1:1"),
        (["--learning-rate-range", "1:20"], "--learning-rate-range holds 20"),
        (["--learning-rate-range", "0.1:1", "--learning-rate", "1"], "give one"),
        (["--recipe", "default"], "--augmentation is mild, but a population"),
        (["--members", "0"], "--members is '0'"),
        (["--validation-size", "0"], "--validation-size is 0"),
    ],
)
def test_impossible_setting_is_explained(flags: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(*flags)


def test_best_member_is_published(sample: Mnist, tmp_path: Path) -> None:
    output = tmp_path / "population.json"
    chosen = settings(
        *("--members", "3", "--learning-rate-range", "0.001:0.1", "--publish"),
        *("--store", str(tmp_path / "store"), "--output", str(output)),
        *("--unpublished-dir", str(tmp_path / "unpublished")),
    )

    found = program.run(chosen, Console(quiet=True))

    card = open_registry(RegistrySettings(store=str(tmp_path / "store"))).card("digits", 1)
    document = json.loads(output.read_text())
    assert Recipe.model_validate(card.recipe) == found.best.recipe == chosen.recipes()[2]
    assert document["best"] == 2
    assert document["validation_accuracy"]["quantiles"]["1.0"] == found.accuracies()[0]
    words = document["command"].split()[3:]
    again = load(TrainingSettings, "training", None, words, {}).recipe
    assert again.model_dump() == found.best.recipe.model_dump()


def test_diverged_members_come_last_and_are_not_counted(sample: Mnist) -> None:
    members = [
        recipe.model_copy(update=broken)
        for recipe, broken in zip(
            recipes(3, optimizer="sgd", validation_size=100, epochs=4),
            [{"learning_rate": 10.0, "weight_decay": 10.0}, {}, {}],
            strict=True,
        )
    ]

    found = census.take(members, together(sample, members)[1])

    assert [member.diverged for member in found.members] == [False, False, True]
    assert found.distribution()["diverged"] == 1
    assert found.distribution()["mean"] == pytest.approx(sum(found.accuracies()) / 2)
    json.dumps(found.to_json("command"), allow_nan=False)
    assert "1 diverged" in found.text()


def test_every_setting_describes_itself() -> None:
    leaves = settings_of(PopulationSettings)

    assert len({leaf.env for leaf in leaves}) == len({leaf.flag for leaf in leaves}) == len(leaves)
    assert all(leaf.field.description for leaf in leaves)
