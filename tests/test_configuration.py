from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from registry.configuration import SettingsError, load, settings_of
from service.settings import ServiceSettings
from training.settings import TrainingSettings


def service(argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> ServiceSettings:
    return load(ServiceSettings, "service", None, argv, environ or {})


def training(
    argv: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> TrainingSettings:
    return load(TrainingSettings, "training", None, argv, environ or {})


def test_defaults_are_the_textbook_and_the_local_registry() -> None:
    settings = training()

    recipe = settings.recipe
    assert (recipe.hidden_layers, recipe.width) == (2, 64)
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs) == (0.01, 128, 30)
    assert settings.registry.store == "var/registry"
    assert settings.threads == 1


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
        ({"ZIFFER_PORT": "8000"}, r"ZIFFER_PORT \(set to '8000'\) is not a setting"),
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
    assert training(["--data-dir", "/some/where"]).data_dir == Path("/some/where")
