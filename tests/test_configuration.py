import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from registry.configuration import SettingsError, load, settings_of
from service.settings import ServiceSettings
from training.recipe import Recipe
from training.settings import TrainingSettings


def service(argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> ServiceSettings:
    return load(ServiceSettings, "service", None, argv, environ or {})


def training(
    argv: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> TrainingSettings:
    return load(TrainingSettings, "training", None, argv, environ or {})


def test_defaults_are_the_default_recipe_and_the_local_registry() -> None:
    settings = training()

    assert settings.recipe.recipe == "default"
    assert settings.recipe.model_dump() == Recipe(recipe="default").model_dump()
    assert settings.registry.store == "var/registry"
    assert settings.compute.threads == 1


def test_textbook_recipe_is_the_textbooks() -> None:
    settings = training(["--recipe", "textbook"])

    recipe = settings.recipe
    assert (recipe.hidden_layers, recipe.width) == (2, 64)
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs) == (0.01, 128, 30)
    assert (recipe.optimizer, recipe.loss) == ("sgd", "categorical_cross_entropy")


def test_flag_beats_environment_beats_default() -> None:
    environ = {"ZIFFER_TRAIN_EPOCHS": "7", "ZIFFER_TRAIN_WIDTH": "32"}

    recipe = training(["--epochs", "9"], environ).recipe

    assert (recipe.epochs, recipe.width, recipe.hidden_layers) == (9, 32, 2)


def test_port_is_the_platforms_own_variable() -> None:
    assert service(environ={"PORT": "9000"}).port == 9000


def test_programs_share_one_environment() -> None:
    environ = {"ZIFFER_STORE": "s3://b/p", "ZIFFER_TRAIN_EPOCHS": "1", "ZIFFER_SERVE_THREADS": "2"}

    assert service(environ=environ).registry.store == "s3://b/p"
    assert training(environ=environ).registry.store == "s3://b/p"


def test_truth_is_a_flag_and_its_negation() -> None:
    assert training(["--no-promote"]).promote is False
    assert training(environ={"ZIFFER_TRAIN_PROMOTE": "false"}).promote is False


def test_empty_variable_counts_as_unset() -> None:
    assert service(environ={"PORT": "", "ZIFFER_STORE": ""}) == service()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"PORT": "eighty"}, r"PORT is 'eighty': .*integer.*at least 1 and at most 65535"),
        ({"PORT": "0"}, r"PORT is '0': .*greater than or equal to 1"),
        ({"ZIFFER_STORE": "ftp://x"}, r"ZIFFER_STORE is 'ftp://x': ftp:// is no kind of store"),
        ({"ZIFFER_STORE": "s3://"}, r"needs a bucket: s3://bucket/prefix"),
        ({"ZIFFER_STORE": "file://var/registry"}, r"needs an absolute path: file:///path"),
        ({"ZIFFER_S3_ENDPOINT_URL": "storage:9000"}, r"expected an address such as https://"),
        ({"ZIFFER_MODEL": "My Model"}, r"ZIFFER_MODEL is 'My Model': .*a-z, 0-9"),
        ({"ZIFFER_ALIAS": "7"}, r"ZIFFER_ALIAS is '7': .*not digits alone"),
        ({"ZIFFER_STROE": "x"}, r"ZIFFER_STROE .* did you mean ZIFFER_STORE\?"),
        ({"ZIFFER_SERVE_THREAD": "4"}, r"did you mean ZIFFER_SERVE_THREADS\?"),
        ({"ZIFFER_PORT": "8000"}, r"ZIFFER_PORT \(set to '8000'\) .* did you mean PORT\?"),
        ({"ZIFFER_SERVE_PORT": "8000"}, r"ZIFFER_SERVE_PORT .* did you mean PORT\?"),
    ],
)
def test_wrong_variable_is_named_with_what_is_allowed(
    environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        service(environ=environ)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--learning-rate", "0"], r"--learning-rate is '0': .*more than 0"),
        (["--learning-rate", "nan"], r"--learning-rate is 'nan'"),
        (["--device", "tpu"], r"--device is 'tpu': .*'auto', 'cpu' or 'cuda'"),
        (["--epochs", "1.5"], r"--epochs is '1.5': .*integer"),
    ],
)
def test_wrong_flag_is_named_with_what_is_allowed(argv: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        training(argv)


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as failure:
        training(["--epochs", "0", "--width", "none"])

    assert "--epochs" in str(failure.value)
    assert "--width" in str(failure.value)


def test_unknown_flag_ends_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        training(["--epoch", "3"])

    assert stop.value.code == 2
    assert "--epoch" in capsys.readouterr().err


def test_kubernetes_service_links_are_no_settings() -> None:
    links = {
        "ZIFFER_SERVICE_HOST": "10.0.0.7",
        "ZIFFER_SERVICE_PORT_HTTP": "80",
        "ZIFFER_PORT": "tcp://10.0.0.7:80",
        "ZIFFER_PORT_80_TCP_ADDR": "10.0.0.7",
        "ZIFFER_STORE_SERVICE_HOST": "10.0.0.8",
    }

    assert service(environ=links) == service()


@pytest.mark.parametrize("program", [ServiceSettings, TrainingSettings])
def test_every_setting_describes_itself(program: type[ServiceSettings | TrainingSettings]) -> None:
    leaves = settings_of(program)

    assert len({leaf.env for leaf in leaves}) == len({leaf.flag for leaf in leaves}) == len(leaves)
    assert all(leaf.field.description for leaf in leaves)


def test_paths_are_paths() -> None:
    assert training(["--data-dir", "/some/where"]).data.data_dir == Path("/some/where")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Write a file of settings, and return its path."""

    def write(content: str) -> str:
        path = tmp_path / "run.toml"
        path.write_text(content)
        return str(path)

    return write


def test_file_comes_after_flag_and_environment(file: Callable[[str], str]) -> None:
    path = file("epochs = 5\nwidth = 5\nseed = 5\nthreads = 5")

    settings = training(["--config", path, "--epochs", "9"], {"ZIFFER_TRAIN_WIDTH": "7"})

    recipe = settings.recipe
    assert (recipe.epochs, recipe.width, recipe.seed, settings.compute.threads) == (9, 7, 5, 5)


def test_variable_may_name_the_file(file: Callable[[str], str]) -> None:
    assert training(environ={"ZIFFER_TRAIN_CONFIG": file("epochs = 5")}).recipe.epochs == 5


def test_file_holds_every_type_of_value(file: Callable[[str], str]) -> None:
    content = """
        recipe = "default"  # As on the command line, it decides the other defaults.
        learning-rate = 1
        promote = false
        data_dir = "/some/where"
        s3_secret_access_key = "hush"
    """

    settings = training(["--config", file(content)])

    assert settings.recipe.learning_rate == 1.0
    assert settings.recipe.optimizer == "adamw"
    assert (settings.promote, settings.data.data_dir) == (False, Path("/some/where"))
    assert settings.registry.s3_secret_access_key
    assert settings.registry.s3_secret_access_key.get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epochs = 5\nwidth 5", r"run\.toml is not valid TOML: .*line 2"),
        ("epoch = 5", r"epoch in .*run\.toml \(set to 5\) is not a setting: did you mean epochs\?"),
        ("config = 'other.toml'", r"config in .* is not a setting"),
        ("[recipe]\nepochs = 5", r"recipe in .*run\.toml is a table: .*without one"),
        ("epochs = '5'", r"epochs in .*run\.toml is '5': .*valid integer.*at least 1"),
        ("epochs = true", r"epochs in .* is True: .*valid integer"),
        ("epochs = 5.0", r"epochs in .* is 5\.0: .*valid integer"),
        ("promote = 1", r"promote in .* is 1: .*valid boolean"),
        ("data_dir = 1", r"data_dir in .* is 1: .*"),
        ("seed = [1, 2]", r"seed in .* is \[1, 2\]: expected one number"),
        ("seed = 2026-01-01", r"seed in .*: expected one number"),
        ("device = 'tpu'", r"device in .* is 'tpu': .*'auto', 'cpu' or 'cuda'"),
        ("learning_rate = nan", r"learning_rate in .* is nan"),
        ("learning_rate = 0", r"learning_rate in .* is 0: .*more than 0 and at most 10"),
        ("batch-size = 1\nbatch_size = 2", r"batch_size in .* is given twice"),
        ("store = 'ftp://x'", r"store in .* is 'ftp://x': ftp:// is no kind of store"),
        ("recipe = 'textbook'\npatience = 3", r"--patience is 3, but --validation-size is 0"),
    ],
)
def test_wrong_file_is_named_with_what_is_allowed(
    file: Callable[[str], str], content: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        training(["--config", file(content)])


def test_every_wrong_line_of_a_file_is_named_at_once(file: Callable[[str], str]) -> None:
    with pytest.raises(SettingsError) as failure:
        training(["--config", file("epoch = 5\nwidth = 'none'")])

    assert "epoch in" in str(failure.value)
    assert "width in" in str(failure.value)


def test_flag_may_complete_what_a_file_asks(file: Callable[[str], str]) -> None:
    settings = training(["--config", file("patience = 3"), "--validation-size", "100"])

    assert settings.recipe.patience == 3


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"settings in {tmp_path / name}")):
        training(["--config", str(tmp_path / name)])


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_bytes(b"epochs = \xff")

    with pytest.raises(SettingsError, match="is not valid TOML"):
        training(["--config", str(tmp_path / "run.toml")])


def test_service_reads_no_file() -> None:
    with pytest.raises(SystemExit):
        service(["--config", "run.toml"])
    with pytest.raises(SettingsError, match="ZIFFER_SERVE_CONFIG"):
        service(environ={"ZIFFER_SERVE_CONFIG": "run.toml"})
