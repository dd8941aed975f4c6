"""What infra/kubernetes/ promises: pods that may do little, and settings that exist."""

import json
import re
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient

from tests.infrastructure import (
    OVERLAYS,
    SERVE_IMAGE,
    TRAIN_IMAGE,
    Manifest,
    Workload,
    rendered,
    service_settings,
    serving,
    settings_of,
    training_settings,
    workloads,
)
from tests.programs import ROOT

CUSTOM = {
    ("serving.knative.dev/v1", "Service"): "knative-service",
    ("serving.kserve.io/v1beta1", "InferenceService"): "inference-service",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "service-monitor",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "prometheus-rule",
}
BUILT_IN = {"v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1"}
SERVING = [overlay for overlay in OVERLAYS if overlay != "training"]
BEHIND_A_SERVICE = ["plain", "monitored", "try"]


def of_kind(overlay: str, kind: str) -> list[Manifest]:
    return [manifest for manifest in rendered(overlay) if manifest["kind"] == kind]


def test_every_way_is_known_here() -> None:
    assert OVERLAYS == ["knative", "kserve", "monitored", "plain", "training", "try"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_custom_resources_fit_their_definitions(overlay: str) -> None:
    for manifest in rendered(overlay):
        key = manifest["apiVersion"], manifest["kind"]
        if key not in CUSTOM:
            # Of these `make lint` has Kubernetes's own schemas.
            assert manifest["apiVersion"] in BUILT_IN, key
            continue
        schema = (ROOT / f"tests/data/custom-resources/{CUSTOM[key]}.json").read_text()
        jsonschema.Draft202012Validator(json.loads(schema)).validate(manifest)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_may_do_little(overlay: str) -> None:
    for one in workloads(overlay):
        allowed = one.pod.get("securityContext", {}) | one.container["securityContext"]
        assert allowed["runAsNonRoot"] is True
        assert allowed["runAsUser"] == (65532 if "ziffer" in one.container["image"] else 1000)
        assert allowed["readOnlyRootFilesystem"] is True
        assert allowed["allowPrivilegeEscalation"] is False
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
        assert one.pod["automountServiceAccountToken"] is False
        # Variables such as ZIFFER_PORT would be taken for settings.
        assert one.pod["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_are_limited(overlay: str) -> None:
    for one in workloads(overlay):
        resources = one.container["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys() & resources["limits"].keys()
        for volume in one.pod.get("volumes", ()):
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], volume


@pytest.mark.parametrize("overlay", SERVING)
def test_probes_are_routes_that_answer(overlay: str, client: FlaskClient) -> None:
    one = serving(overlay)
    ports = {port["name"]: port["containerPort"] for port in one.container["ports"]}
    probes = {name: one.container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}

    for probe in probes.values():
        assert client.get(probe["httpGet"]["path"]).status_code == 200
        port = probe["httpGet"].get("port", 8000)
        assert ports.get(port, port) == 8000
    # A pod that waits for its first model lives, and must not be started again.
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startup": "/v2/health/live",
        "liveness": "/v2/health/live",
        "readiness": "/v2/health/ready",
    }


@pytest.mark.parametrize("overlay", SERVING)
def test_pods_have_time_to_drain(overlay: str) -> None:
    one = serving(overlay)
    settings = service_settings(one.container.get("args", []), one.environ)

    given_s = one.pod.get("terminationGracePeriodSeconds") or one.pod["timeoutSeconds"]
    assert given_s > settings.drain_s + settings.grace_s + 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_exist_and_are_possible(overlay: str) -> None:
    for one in ours(overlay):
        arguments = one.container.get("args", [])
        registry = settings_of(one.container["image"], arguments, one.environ)
        assert registry.store.startswith("s3://")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_programs_write_only_into_volumes(overlay: str) -> None:
    for one in ours(overlay):
        mounts = {mount["mountPath"]: mount["name"] for mount in one.container["volumeMounts"]}
        assert {volume["name"] for volume in one.pod["volumes"]} == set(mounts.values())
        assert "/tmp" in mounts  # noqa: S108 - in the container
        written = [value for name, value in one.environ.items() if name.endswith("_DIR")]
        assert all(path.startswith(tuple(mounts)) for path in written), written


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_have_the_names_that_kustomize_can_change(overlay: str) -> None:
    images = {one.container["image"] for one in workloads(overlay)}

    assert images <= {SERVE_IMAGE, TRAIN_IMAGE, "chrislusf/seaweedfs:4.48"}


@pytest.mark.parametrize("overlay", BEHIND_A_SERVICE)
def test_selectors_find_the_pods_that_serve(overlay: str) -> None:
    one = serving(overlay)
    [budget] = of_kind(overlay, "PodDisruptionBudget")
    [policy] = of_kind(overlay, "NetworkPolicy")
    [scaler] = of_kind(overlay, "HorizontalPodAutoscaler")
    [service] = [
        made for made in of_kind(overlay, "Service") if made["metadata"]["name"] == "ziffer"
    ]
    spread = [way["labelSelector"] for way in one.pod["topologySpreadConstraints"]]
    selectors = [budget["spec"]["selector"], policy["spec"]["podSelector"], *spread]

    found = [selector["matchLabels"] for selector in selectors] + [service["spec"]["selector"]]
    assert all(labels.items() <= one.labels.items() for labels in found)
    assert scaler["spec"]["scaleTargetRef"]["name"] == one.manifest["metadata"]["name"]
    assert scaler["spec"]["minReplicas"] == 2
    assert "replicas" not in one.manifest["spec"]
    assert service["spec"]["ports"][0]["targetPort"] == one.container["ports"][0]["name"]


def test_monitor_finds_the_service() -> None:
    [monitor] = of_kind("monitored", "ServiceMonitor")
    [service] = of_kind("monitored", "Service")

    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    # The alerts ask for this job.
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "ziffer"


def test_training_leaves_production_alone_and_goes_on_after_an_eviction() -> None:
    [one] = workloads("training")
    settings = training_settings(one.container.get("args", []), one.environ)
    job = one.manifest["spec"]["jobTemplate"]["spec"]
    evicted, hopeless = job["podFailurePolicy"]["rules"]

    assert settings.registry.alias == "candidate"
    assert settings.resume
    assert evicted["action"] == "Ignore"
    assert one.pod["restartPolicy"] == "Never"
    assert one.container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert hopeless["onExitCodes"]["containerName"] == one.container["name"]
    documented = (ROOT / "docs/training.md").read_text()
    for status in hopeless["onExitCodes"]["values"]:
        assert re.search(rf"^\| {status} \| (registered, but|a setting)", documented, re.M)


def test_knative_is_given_nothing_that_needs_a_feature_flag() -> None:
    one = serving("knative")
    flags = {"affinity", "nodeSelector", "securityContext", "tolerations", "initContainers"}

    assert not flags & one.pod.keys()
    assert "topologySpreadConstraints" not in one.pod
    assert all(volume.keys() <= {"name", "emptyDir"} for volume in one.pod["volumes"])
    # Knative sets it itself, and refuses who does.
    assert "PORT" not in one.environ


def test_kserve_finds_the_model_under_the_name_of_its_service() -> None:
    one = serving("kserve")
    settings: Any = service_settings([], one.environ)

    assert one.manifest["metadata"]["name"] == settings.registry.model
    assert one.container["name"] == "kserve-container"
    assert one.environ["PROTOCOL"] == "v2"


def ours(overlay: str) -> list[Workload]:
    """Those that run this project's programs."""
    return [
        one for one in workloads(overlay) if one.container["image"] in {SERVE_IMAGE, TRAIN_IMAGE}
    ]
