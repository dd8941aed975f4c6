"""docs/deployment.md is true, as far as it can be tried without a cluster."""

import re
from pathlib import Path

import yaml

from docs import settings as settings_page
from tests.infrastructure import OVERLAYS, kustomized
from tests.programs import ROOT

GUIDE = (ROOT / "docs/deployment.md").read_text()


def test_every_overlay_is_told_of_and_every_one_told_of_exists() -> None:
    told = set(re.findall(r"overlays/(\w+)", GUIDE))

    assert told == set(OVERLAYS)


def test_no_setting_is_named_that_is_none() -> None:
    named = set(re.findall(r"ZIFFER_[A-Z0-9_]*[A-Z0-9]", GUIDE))

    assert named <= set(re.findall(r"ZIFFER_[A-Z0-9_]*[A-Z0-9]", settings_page.page()))


def test_alerts_are_those_that_there_are() -> None:
    groups = yaml.safe_load((ROOT / "infra/compose/alerts.yaml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]

    assert re.findall(r"^\| `(Ziffer\w+)` \|", GUIDE, re.M) == alerts


def test_the_kustomization_shown_gives_other_names(tmp_path: Path) -> None:
    [example] = [
        block for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.S) if "acme" in block
    ]
    (tmp_path / "ziffer").symlink_to(ROOT)
    (tmp_path / "kustomization.yaml").write_text(example)

    rendered = kustomized(tmp_path)

    assert "image: registry.acme.example/ziffer-serve:" in rendered
    assert "ZIFFER_STORE: s3://digits-of-acme/ziffer" in rendered
    assert 'ZIFFER_SERVE_RATE_LIMIT: "100"' in rendered
    assert "ghcr.io/ziffer" not in rendered
