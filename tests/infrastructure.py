"""What infra/kubernetes/ and compose.yaml describe, read as those do who run it."""

import functools
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.configuration import load
from registry.settings import RegistrySettings
from service.settings import ServiceSettings
from tests.programs import ROOT
from training.settings import TrainingSettings

Manifest = dict[str, Any]

KUBERNETES = ROOT / "infra/kubernetes"
OVERLAYS = sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SERVE_IMAGE = f"ghcr.io/ziffer/ziffer-serve:{VERSION}"
TRAIN_IMAGE = f"ghcr.io/ziffer/ziffer-train:{VERSION}"

_POD_SPECS = {
    "Deployment": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "InferenceService": ("spec", "predictor"),
    "Service": ("spec", "template", "spec"),
}


def program(name: str, package: str) -> str:
    """Where the program is; tests that need it skip without it, and fail in CI."""
    found = shutil.which(name)
    if found is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"{name} is not installed ({package})")
    return found


@functools.cache
def rendered(overlay: str) -> list[Manifest]:
    """What `kubectl apply -k` would send to a cluster."""
    return list(yaml.safe_load_all(kustomized(KUBERNETES / "overlays" / overlay)))


def kustomized(folder: Path) -> str:
    """What kubectl makes of a kustomization; no package of Debian's has a release that can."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed (kubernetes.io/docs/tasks/tools)")
    told = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=True
    )
    return told.stdout


def compose() -> Manifest:
    """compose.yaml, its references resolved."""
    read: Manifest = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


@dataclass(frozen=True)
class Workload:
    """Pods of one kind, with one container."""

    manifest: Manifest
    pod: Manifest
    environ: Mapping[str, str]

    @property
    def container(self) -> Manifest:
        [container] = self.pod["containers"]
        return dict(container)

    @property
    def labels(self) -> Mapping[str, str]:
        labels: Mapping[str, str] = self.manifest["spec"]["template"]["metadata"]["labels"]
        return labels


def workloads(overlay: str) -> Iterator[Workload]:
    """Whatever makes pods."""
    manifests = rendered(overlay)
    for manifest in manifests:
        pod = manifest
        for step in _POD_SPECS.get(manifest["kind"], ("none",)):
            pod = pod.get(step, {})
        if pod:
            yield Workload(manifest, pod, dict(_environ(manifests, pod)))


def serving(overlay: str) -> Workload:
    """What serves."""
    [found] = [one for one in workloads(overlay) if one.container["image"] == SERVE_IMAGE]
    return found


def service_settings(arguments: list[str], environ: Mapping[str, str]) -> ServiceSettings:
    """What the service makes of them; raises SettingsError where one is none, or impossible."""
    return load(ServiceSettings, "service", None, arguments, environ)


def training_settings(arguments: list[str], environ: Mapping[str, str]) -> TrainingSettings:
    """What training makes of them; raises as above."""
    return load(TrainingSettings, "training", None, arguments, environ)


def settings_of(image: str, arguments: list[str], environ: Mapping[str, str]) -> RegistrySettings:
    """The settings of whichever program is in the image."""
    if image == SERVE_IMAGE:
        return service_settings(arguments, environ).registry
    assert image == TRAIN_IMAGE
    return training_settings(arguments, environ).registry


def _environ(manifests: list[Manifest], pod: Manifest) -> Iterator[tuple[str, str]]:
    named = {(one["kind"], one["metadata"]["name"]): one for one in manifests}
    [container] = pod["containers"]
    for source in container.get("envFrom", ()):
        if reference := source.get("configMapRef"):
            yield from named["ConfigMap", reference["name"]]["data"].items()
    for variable in container.get("env", ()):
        yield variable["name"], variable.get("value", "secret")
