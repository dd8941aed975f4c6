"""The dashboard and the alerts ask for metrics that exist, and Prometheus answers them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.settings import RegistrySettings, open_registry
from service.telemetry.families import FAMILIES
from tests.infrastructure import KUBERNETES, program
from tests.programs import ROOT, environment, free_port, serving, until
from tests.service_models import Releases

COMPOSE = ROOT / "infra/compose"
DASHBOARD: dict[str, Any] = json.loads(
    (KUBERNETES / "components/monitoring/dashboard.json").read_text()
)
ALERTS = yaml.safe_load((COMPOSE / "alerts.yaml").read_text())["groups"]
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [(panel, target) for panel in PANELS for target in panel.get("targets", ())]
DASHBOARD_EXPRESSIONS = [target["expr"] for _, target in TARGETS]
ALERT_EXPRESSIONS = [rule["expr"] for group in ALERTS for rule in group["rules"]]

LABELS = {family.name: set(family.labels) for family in FAMILIES} | {
    f"{family.name}{part}": {*family.labels, *(["le"] if part == "_bucket" else [])}
    for family in FAMILIES
    if family.kind == "histogram"
    for part in ("_bucket", "_sum", "_count")
}
# Prometheus adds them.
TARGET_LABELS = {"job", "instance"}

# Grafana chooses it by the width of a panel; four times the interval below.
RATE_INTERVAL = "4s"

# Series that a service which is well does not have.
NOT_BEFORE_THE_FIRST = ("ziffer_model_failures_total", "ziffer_access_log_lost_lines_total")

ROUNDS = 1000


def test_kubernetes_has_the_same_alerts() -> None:
    rule = yaml.safe_load((KUBERNETES / "components/monitoring/alerts.yaml").read_text())

    assert rule["spec"]["groups"] == ALERTS


@pytest.mark.parametrize("expression", DASHBOARD_EXPRESSIONS + ALERT_EXPRESSIONS)
def test_metrics_and_labels_exist(expression: str) -> None:
    selectors = re.findall(r"\b((?:ziffer|process)_\w+)(?:\{([^}]*)\})?", expression)
    for name, matchers in selectors:
        wanted = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert wanted <= LABELS[name] | TARGET_LABELS, name

    grouped = {
        label for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(", ")
    }
    offered = set().union(*(LABELS[name] for name, _ in selectors), TARGET_LABELS)
    assert grouped <= offered


def test_every_metric_but_few_is_on_the_dashboard() -> None:
    shown = set(re.findall(r"\b(?:ziffer|process)_\w+", " ".join(DASHBOARD_EXPRESSIONS)))
    named = {family.name for family in FAMILIES}

    assert {name for name in named if not any(one.startswith(name) for one in shown)} == set()


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in PANELS]

    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert all(one["y"] <= next_one["y"] for one, next_one in pairwise(places))


def test_panels_ask_the_prometheus_that_was_chosen() -> None:
    [variable] = DASHBOARD["templating"]["list"]
    chosen = {"type": variable["query"], "uid": f"${{{variable['name']}}}"}

    for panel, target in TARGETS:
        assert panel["datasource"] == target["datasource"] == chosen
        assert panel["fieldConfig"]["defaults"]["unit"]
        references = [one["refId"] for one in panel["targets"]]
        assert len(set(references)) == len(references)


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    promtool = program("promtool", "on Debian: apt-get install prometheus")
    rules = [
        {"record": f"panel:{number}", "expr": at_hand(expression)}
        for number, expression in enumerate(DASHBOARD_EXPRESSIONS)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    check = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )

    assert check.returncode == 0, check.stdout + check.stderr
    assert f"{len(rules)} rules found" in check.stdout


def test_alerts_come_when_they_should() -> None:
    promtool = program("promtool", "on Debian: apt-get install prometheus")

    check = subprocess.run(
        [promtool, "test", "rules", COMPOSE / "alerts_test.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stdout + check.stderr


def test_every_alert_is_tested_both_ways() -> None:
    tests = yaml.safe_load((COMPOSE / "alerts_test.yaml").read_text())["tests"]
    expected = [
        (one["alertname"], bool(one.get("exp_alerts")))
        for test in tests
        for one in test["alert_rule_test"]
    ]

    names = {rule["alert"] for group in ALERTS for rule in group["rules"]}
    assert set(expected) == {(name, fires) for name in names for fires in (False, True)}


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, sample_store: Path
) -> Iterator["Prometheus"]:
    """A Prometheus with compose's configuration, and a service with a canary and a shadow."""
    server = program("prometheus", "on Debian: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    store = shutil.copytree(sample_store, folder / "registry")
    registry = open_registry(RegistrySettings(store=str(store)))
    Releases(registry, like=registry).release(alias="candidate")
    env = environment(
        ZIFFER_STORE=store,
        ZIFFER_SERVE_CANARY_ALIAS="candidate",
        ZIFFER_SERVE_CANARY_PERCENT=50,
        ZIFFER_SERVE_SHADOW_ALIAS="candidate",
        PORT=free_port(),
    )
    with serving([sys.executable, "-m", "service"], env) as (url, _):
        address = f"127.0.0.1:{free_port()}"
        command = [
            server,
            f"--config.file={configuration(folder, url.removeprefix('http://'))}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                yield Prometheus(address, url)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def configuration(folder: Path, target: str) -> Path:
    """Compose's, with the address of a service that runs here, asked every second."""
    given = yaml.safe_load((COMPOSE / "prometheus.yaml").read_text())
    given["global"]["scrape_interval"] = "1s"
    given["rule_files"] = [str(COMPOSE / name) for name in given["rule_files"]]
    given["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    file = folder / "prometheus.yaml"
    file.write_text(json.dumps(given))
    return file


def at_hand(expression: str) -> str:
    """An expression as Grafana would send it."""
    return expression.replace("$__rate_interval", RATE_INTERVAL)


class Prometheus:
    """A Prometheus, and the service that it asks."""

    def __init__(self, address: str, service: str) -> None:
        self._address = address
        self._service = service

    def send(self) -> None:
        """One request that is answered, and one that is not."""
        picture = (ROOT / "docs/digits/7.png").read_bytes()
        for body in (picture, b"\x00" * 784, b"no image"):
            request = urllib.request.Request(f"{self._service}/predict", body)  # noqa: S310
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(request).close()  # noqa: S310 - our own

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that the expression gives now."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{self._address}/api/v1/query?{query}") as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return result

    def knows(self, expression: str) -> bool:
        """Whether there is at least one series with a number."""
        with suppress(OSError):
            return any(series["value"][1] != "NaN" for series in self.query(expression))
        return False


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    waiting = {
        at_hand(expression)
        for expression in DASHBOARD_EXPRESSIONS
        if not any(name in expression for name in NOT_BEFORE_THE_FIRST)
    }

    for _ in range(ROUNDS):
        prometheus.send()
        waiting = {expression for expression in waiting if not prometheus.knows(expression)}
        if not waiting:
            break
        time.sleep(0.1)

    assert waiting == set()


def test_no_alert_is_on_its_way_for_a_service_that_is_well(prometheus: Prometheus) -> None:
    until(lambda: prometheus.knows('up{job="ziffer"} == 1'))
    prometheus.send()
    until(lambda: prometheus.knows("ziffer_predictions_total > 0"))

    # Most fire minutes after their condition holds; how slow this machine is says nothing of it.
    rules = [rule for group in ALERTS for rule in group["rules"] if rule["alert"] != "ZifferSlow"]
    found = {rule["alert"]: prometheus.query(rule["expr"]) for rule in rules}
    assert found == {rule["alert"]: [] for rule in rules}
