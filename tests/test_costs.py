"""docs/costs.md is what its program writes, and the program reckons as it says."""

import pytest
import yaml

from docs import costs
from tests.infrastructure import KUBERNETES


def test_page_of_costs_is_that_of_the_program() -> None:
    assert costs.PAGE.read_text() == costs.page(), "python -m docs.costs writes it anew"


@pytest.mark.parametrize("way", costs.WAYS)
def test_more_predictions_never_cost_less(way: str) -> None:
    bills = [costs.total(costs.WAYS[way], load) for load in costs.LOADS.values()]

    assert bills == sorted(bills)


def test_a_bill_is_the_sum_of_amounts_times_prices() -> None:
    item = costs.Item(costs.S3_GET, costs.alike(2_000_000), "two million")

    assert costs.total([item, item], 1) == pytest.approx(1.6)
    assert costs.amount(item, 1) == "2,000 × 0.0004"


def test_pods_are_those_of_the_manifests() -> None:
    deployment = yaml.safe_load((KUBERNETES / "base/deployment.yaml").read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    settings = (KUBERNETES / "components/serve/serve.env").read_text()

    assert float(container["resources"]["requests"]["cpu"]) == costs.POD_CPU.value
    assert f"ZIFFER_SERVE_WORKERS={costs.POD_WORKERS.value}\n" in settings


def test_lambda_is_dearer_beyond_the_point_that_is_named() -> None:
    way, machine = costs.WAYS["Lambda with a function URL"], costs.WAYS["A small virtual machine"]
    point = costs.break_even()

    assert costs.total(way, point - 10_000) < costs.total(machine, point)
    assert costs.total(way, point + 10_000) > costs.total(machine, point)
