"""The program in containers of SageMaker, Vertex AI, Cloud Run and Knative."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from registry.configuration import SettingsError, load
from service.cpus import available_cpus
from service.platforms.containers import on_platform, refuse_unreadable_artifacts
from service.settings import ServiceSettings
from tests.programs import environment, free_port, run, serving

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is expected of a container


def settings(
    arguments: Sequence[str] = (), model: Path = Path("/nonexistent"), **environ: str
) -> ServiceSettings:
    arguments, implied = on_platform(arguments, environ, sagemaker_model=model)
    loaded = load(ServiceSettings, "service", None, arguments, implied)
    refuse_unreadable_artifacts(loaded, implied)
    return loaded


def test_elsewhere_nothing_is_implied() -> None:
    assert settings() == ServiceSettings()


def test_sagemaker_finds_the_service_where_it_looks() -> None:
    found = settings(["serve"])

    assert (found.host, found.port) == (EVERYWHERE, 8080)
    assert found.workers == available_cpus()
    assert found.registry.store == "var/registry"


def test_sagemaker_may_name_another_port() -> None:
    assert settings(["serve"], SAGEMAKER_BIND_TO_PORT="8081", PORT="9000").port == 8081
    assert settings(["serve", "--port", "7000"], SAGEMAKER_BIND_TO_PORT="8081").port == 7000
    assert settings(["serve"], ZIFFER_SERVE_WORKERS="3").workers == 3


def test_sagemakers_model_is_served_where_no_store_is_named(sample_store: Path) -> None:
    assert settings(["serve"], sample_store).registry.store == str(sample_store)
    named = settings(["serve"], sample_store, ZIFFER_STORE="s3://models/ziffer")
    assert named.registry.store == "s3://models/ziffer"
    flagged = settings(["serve", "--store", "elsewhere"], sample_store)
    assert flagged.registry.store == "elsewhere"


def test_sagemakers_own_variables_are_no_settings() -> None:
    found = settings(
        ["serve"],
        SAGEMAKER_CONTAINER_LOG_LEVEL="20",
        SAGEMAKER_REGION="eu-central-1",
        SAGEMAKER_SAFE_PORT_RANGE="20000-20999",
        SAGEMAKER_MULTI_MODEL="false",
    )

    assert found == settings(["serve"])


def test_vertex_names_the_port() -> None:
    found = settings(AIP_HTTP_PORT="8081", PORT="9000", AIP_STORAGE_URI="")

    assert (found.host, found.port) == (EVERYWHERE, 8081)


def test_artifacts_of_vertex_are_refused_unless_a_store_is_named() -> None:
    uri = "gs://caip-tenant-1/model/3"

    with pytest.raises(SettingsError, match=rf"AIP_STORAGE_URI is '{uri}': .* set ZIFFER_STORE"):
        settings(AIP_STORAGE_URI=uri)
    assert settings(AIP_STORAGE_URI=uri, ZIFFER_STORE="s3://b").registry.store == "s3://b"
    assert settings(["--store", "here"], AIP_STORAGE_URI=uri).registry.store == "here"


def test_cloud_run_has_ten_seconds_to_stop_in() -> None:
    found = settings(K_SERVICE="digits", K_REVISION="digits-00001", PORT="8080")

    assert (found.host, found.port) == (EVERYWHERE, 8080)
    assert found.drain_s + found.grace_s + 2 <= 10  # Workers are killed two seconds later.
    assert settings(K_SERVICE="digits", ZIFFER_SERVE_DRAIN_S="3").drain_s == 3


@pytest.mark.parametrize("name", ["PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"])
def test_an_impossible_port_is_named_as_it_was_given(name: str) -> None:
    _, environ = on_platform([], {name: "abc"})

    with pytest.raises(SettingsError, match=rf"^{name} is 'abc': .*at most 65535"):
        load(ServiceSettings, "service", None, [], environ)


def test_flags_come_before_all_platforms() -> None:
    found = settings(
        ["--host", "::1", "--port", "7000"], AIP_HTTP_PORT="1", PORT="2", K_SERVICE="digits"
    )

    assert (found.host, found.port) == ("::1", 7000)


def test_docker_run_image_serve_serves(sample_store: Path) -> None:
    port = free_port()
    env = environment(ZIFFER_STORE=sample_store, SAGEMAKER_BIND_TO_PORT=port)

    with serving([sys.executable, "-m", "service", "serve"], env) as (url, process):
        assert url == f"http://{EVERYWHERE}:{port}"
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_program_ends_with_one_sentence() -> None:
    ended: subprocess.CompletedProcess[str] = run(
        "service", env=environment(AIP_STORAGE_URI="gs://caip-tenant-1/model/3")
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("service: AIP_STORAGE_URI is 'gs://caip-tenant-1/model/3': ")
