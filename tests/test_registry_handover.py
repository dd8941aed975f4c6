from pathlib import Path

from registry.configuration import load, resolve
from registry.handover import as_environment, as_flags, secrets_in
from registry.settings import RegistrySettings
from training.settings import TrainingSettings

GIVEN = {
    "store": "s3://models/digits of all",
    "alias": "production",
    "s3_path_style": True,
    "single_writer": False,
    "s3_secret_access_key": "hush",
    "s3_timeout_s": 0.5,
    "policy": Path("policy.json"),
}
SETTINGS = RegistrySettings.model_validate(GIVEN)


def test_environment_makes_the_same_settings() -> None:
    assert resolve(RegistrySettings, {}, as_environment(SETTINGS)) == SETTINGS
    nested = TrainingSettings.model_validate({"registry": SETTINGS, "promote": False})
    assert load(TrainingSettings, "training", None, [], as_environment(nested)) == nested


def test_nothing_else_is_inherited() -> None:
    inherited = {"ZIFFER_S3_REGION": "eu-west-1", "ZIFFER_MODEL": "letters"}

    assert resolve(RegistrySettings, {}, inherited | as_environment(SETTINGS)) == SETTINGS


def test_flags_repeat_what_was_given_but_secrets() -> None:
    flags = as_flags(SETTINGS)

    assert flags == [
        *("--store", "s3://models/digits of all"),
        *("--alias", "production"),
        "--s3-path-style",
        *("--s3-timeout-s", "0.5"),
        "--no-single-writer",
        *("--policy", "policy.json"),
    ]
    assert secrets_in(SETTINGS) == ["ZIFFER_S3_SECRET_ACCESS_KEY"]
    assert load(RegistrySettings, "registry", None, flags, {}) == SETTINGS.model_copy(
        update={"s3_secret_access_key": None}
    )
