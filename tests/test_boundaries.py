"""Imports point one way: service → registry ← training; each foreign library has one door."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import ROOT, environment

FORBIDDEN = {
    "registry": {"service", "training", "torch", "onnx", "onnxruntime", "flask", "numpy", "PIL"},
    "training": {"service", "flask", "granian", "boto3", "botocore"},
    "service": {"training", "torch", "onnx", "boto3", "botocore"},
}


def imported_packages(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_package_imports_nothing_forbidden(package: str) -> None:
    for file in (ROOT / package).rglob("*.py"):
        assert not FORBIDDEN[package] & set(imported_packages(file)), file


def test_only_one_module_imports_boto3() -> None:
    doors = {
        file.name
        for file in (ROOT / "registry").rglob("*.py")
        if "boto3" in imported_packages(file)
    }

    assert doors == {"s3.py"}


def test_only_the_report_imports_jinja2_into_training() -> None:
    doors = {
        file.parent.name
        for file in (ROOT / "training").rglob("*.py")
        if {"jinja2", "markupsafe"} & set(imported_packages(file))
    }

    assert doors == {"report"}


def loaded_modules(statement: str, **variables: object) -> set[str]:
    """What is in memory after `statement`, in a fresh interpreter."""
    program = f"{statement}; import sys; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(**variables),
        check=True,
        capture_output=True,
        text=True,
    )
    return set(output.stdout.split())


# Each of these takes a few milliseconds, or many, of a start that takes a quarter of a second.
NOT_BEFORE_THE_FIRST_PREDICTION = {
    "PIL",
    "apig_wsgi",
    "argparse",
    "asyncio",
    "awslambdaric",
    "boto3",
    "botocore",
    "cryptography",
    "granian",
    "multiprocessing",
    "numpy.random",
    "opentelemetry",
    "prometheus_client",
    "registry.gate",
    "registry.notes",
    "registry.policy",
    "registry.promotion",
    "registry.publishing",
    "registry.s3",
    "registry.settings_file",
    "registry.signing",
    "registry.tombstone",
    "service.access.gate",
    "service.schemas",
    "service.vision",
    "service.vision.decode",
    "tomllib",
    "urllib3",
}


def test_little_is_imported_before_the_first_prediction(sample_store: Path) -> None:
    modules = loaded_modules(
        "from benchmarks.first_prediction import predict; predict()", ZIFFER_STORE=sample_store
    )

    assert "onnxruntime" in modules
    assert not NOT_BEFORE_THE_FIRST_PREDICTION & modules


@pytest.mark.skipif(sys.platform != "linux", reason="AWS makes its runtime client for Linux only")
def test_a_lambda_function_has_no_server() -> None:
    modules = loaded_modules("import service.app, service.platforms.lambda_function")

    assert {"apig_wsgi", "awslambdaric"} <= modules
    assert not (NOT_BEFORE_THE_FIRST_PREDICTION - {"apig_wsgi", "awslambdaric"}) & modules


def test_a_bucket_is_opened_without_boto3() -> None:
    modules = loaded_modules(
        "from registry.settings import *; open_registry(RegistrySettings(store='s3://models'))",
        AWS_ACCESS_KEY_ID="id",
        AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106 - nothing is sent
        HOME="/nonexistent",
    )

    assert "registry.s3_reader" in modules
    assert not {"boto3", "botocore", "urllib3"} & modules


def test_service_runs_without_torch_and_boto3() -> None:
    modules = loaded_modules("import service.app, service.models.served, service.serving.server")

    assert "onnxruntime" in modules
    assert not {"torch", "onnx", "boto3", "training"} & modules


def test_local_registry_needs_only_pydantic() -> None:
    modules = loaded_modules(
        "from registry.settings import *; open_registry(RegistrySettings()).models()"
    )

    assert "pydantic" in modules
    assert not {"boto3", "botocore", "numpy", "torch", "flask"} & modules
