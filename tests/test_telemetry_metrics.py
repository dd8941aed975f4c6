import math
import os
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from service.errors import ModelUnusableError, SelfTestFailedError
from service.models.classifier import Classifier, Reading
from service.telemetry.exchange import Exchange
from service.telemetry.families import FAMILIES, LATENCIES_S
from service.telemetry.metrics import Metrics
from service.telemetry.model_metrics import ModelMetrics
from tests.telemetry_processes import done, fork


class Samples:
    """What a scrape of metrics finds."""

    def __init__(self, metrics: Metrics) -> None:
        self._found = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(metrics.exposition().decode())
            for sample in family.samples
        }

    def value(self, name: str, **labels: object) -> float | None:
        return self._found.get((name, frozenset((key, str(text)) for key, text in labels.items())))

    def named(self, name: str) -> dict[str, float]:
        """The values of the series of one name that have one label, by that."""
        return {
            text: value
            for (found, labels), value in self._found.items()
            if found == name
            for _, text in labels
        }


def answer(metrics: Metrics, method: str = "POST", **fields: object) -> None:
    """Count a request that was answered as these fields of an exchange say."""
    exchange = Exchange(method, "id")
    vars(exchange).update({"route": "/predict", "status": 200} | fields)
    metrics.requests.begin()
    metrics.requests.end(exchange)


def readings(count: int, seed: int = 0) -> Reading:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(10), count).astype(np.float32)
    return Reading(probabilities, rng.random(count, np.float32))


def everything() -> Metrics:
    """Metrics in which most families have something."""
    metrics = Metrics()
    probabilities, not_a_digit = readings(20)
    stages = [("decode", 1e-5), ("infer", 2e-5)]
    answer(metrics, version=3, probabilities=probabilities, not_a_digit=not_a_digit, stages=stages)
    answer(metrics, status=400, error="shape-mismatch")
    metrics.lost_line()
    models = ModelMetrics(metrics)
    models.exchanged("primary", 3)
    models.failed("canary", 5)
    models.compared(3, 4, images=10, agreed=9)
    models.checked({}, heard=True, stale_s=1)
    return metrics


@pytest.mark.parametrize("open_metrics", [False, True], ids=["Prometheus", "OpenMetrics"])
def test_exposition_describes_every_family(*, open_metrics: bool) -> None:
    text = everything().exposition(open_metrics=open_metrics).decode()
    parse = (
        openmetrics.text_string_to_metric_families
        if open_metrics
        else (text_string_to_metric_families)
    )

    described = {family.name: (family.type, family.documentation) for family in parse(text)}
    assert described == {
        family.name.removesuffix("_total"): (family.kind, family.meaning) for family in FAMILIES
    }


def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        # Continuous integration must check them.
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("promtool is not installed (on Debian: apt-get install prometheus)")

    check = subprocess.run(
        [promtool, "check", "metrics"],
        input=everything().exposition(),
        capture_output=True,
        check=False,
    )

    assert (check.returncode, check.stdout + check.stderr) == (0, b"")


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    answer(metrics)
    answer(metrics)
    answer(metrics, "GET", route="/v2/models/<name>", status=404, error="model-not-found")

    found = Samples(metrics)
    requests = "ziffer_http_requests_total"
    assert found.value(requests, route="/predict", method="POST", status=200) == 2
    assert found.value(requests, route="/v2/models/<name>", method="GET", status=404) == 1
    assert found.named("ziffer_failures_total") == {"model-not-found": 1}


@given(st.lists(st.floats(0, 20) | st.sampled_from(LATENCIES_S), min_size=1, max_size=20))
@settings(max_examples=40)
def test_bucket_has_all_that_is_at_most_its_bound(durations: list[float]) -> None:
    metrics = Metrics()
    for seconds in durations:
        answer(metrics, seconds=seconds, stages=[("decode", seconds)])

    found = Samples(metrics)
    for name, labels in (
        ("ziffer_http_request_duration_seconds", {"route": "/predict"}),
        ("ziffer_stage_duration_seconds", {"stage": "decode"}),
    ):
        for bound in (*LATENCIES_S, math.inf):
            text = "+Inf" if bound == math.inf else str(bound)
            below = sum(seconds <= bound for seconds in durations)
            assert found.value(f"{name}_bucket", **labels, le=text) == below
        assert found.value(f"{name}_count", **labels) == len(durations)
        assert found.value(f"{name}_sum", **labels) == pytest.approx(sum(durations))


@given(size=st.integers(0, 40), says_doubt=st.booleans())
@settings(max_examples=20)
def test_batch_counts_as_its_images_would_one_by_one(size: int, *, says_doubt: bool) -> None:
    probabilities, not_a_digit = readings(size)
    doubts = not_a_digit if says_doubt else None
    together, single = Metrics(), Metrics()

    answer(together, version=3, probabilities=probabilities, not_a_digit=doubts)
    for index in range(size):
        doubt = None if doubts is None else doubts[index : index + 1]
        own = [probabilities[index]]
        answer(single, version=3, probabilities=own, not_a_digit=doubt)

    images, one_by_one = readings_of(together), readings_of(single)
    assert images.keys() == one_by_one.keys() or not size
    for series, value in one_by_one.items():
        assert images[series] == pytest.approx(value, rel=1e-5), series
    assert Samples(together).value("ziffer_inference_batch_size_sum", version=3) == size


def readings_of(metrics: Metrics) -> dict[str, float]:
    """What is told of images, by the text of the series."""
    lines = metrics.exposition().decode().splitlines()
    return {
        series: float(value)
        for series, _, value in (line.rpartition(" ") for line in lines)
        if series.startswith("ziffer_prediction")
    }


def test_stage_that_nobody_counts_is_left_out() -> None:
    metrics = Metrics()
    answer(metrics, stages=[("lunch", 1.0), ("infer", 0.5)])

    stages = Samples(metrics).named("ziffer_stage_duration_seconds_sum")
    assert stages == {"decode": 0, "prepare": 0, "infer": 0.5}


def test_predictions_are_counted_by_version_and_digit() -> None:
    metrics = Metrics()
    seven = np.eye(10, dtype=np.float32)[7]
    answer(metrics, version=3, probabilities=[seven], not_a_digit=[0.25])
    answer(metrics, version=4, probabilities=np.stack([seven, seven]))

    found = Samples(metrics)
    assert found.value("ziffer_predictions_total", version=3, digit=7) == 1
    assert found.value("ziffer_predictions_total", version=3, digit=1) == 0
    assert found.value("ziffer_predictions_total", version=4, digit=7) == 2
    assert found.value("ziffer_prediction_not_a_digit_sum", version=3) == 0.25
    assert found.value("ziffer_prediction_not_a_digit_count", version=4) == 0
    assert found.value("ziffer_inference_batch_size_bucket", version=4, le=1.0) == 0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rejected": ["blank", "blank"]}, {"blank": 2}),
        ({"error": "too-large", "status": 413}, {"too-large": 1}),
        ({"error": "rate-limited", "status": 429}, {}),
        ({"error": "internal", "status": 500}, {}),
    ],
)
def test_inputs_without_a_digit_are_counted_by_reason(
    fields: dict[str, Any], expected: dict[str, float]
) -> None:
    metrics = Metrics()
    answer(metrics, **fields)

    rejected = Samples(metrics).named("ziffer_rejected_inputs_total")
    assert {reason: count for reason, count in rejected.items() if count} == expected
    assert rejected.keys() >= {"blank", "not_a_digit", "low_confidence", "multiple_digits"}


def test_methods_that_clients_invent_are_one() -> None:
    metrics = Metrics()
    for number in range(100):
        answer(metrics, f"METHOD{number}")

    requests = "ziffer_http_requests_total"
    found = Samples(metrics)
    assert found.value(requests, route="/predict", method="other", status=200) == 100
    assert found.value(requests, route="/predict", method="METHOD1", status=200) is None
    assert found.value("ziffer_telemetry_dropped_series_total") == 0


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=50))
@settings(max_examples=30)
def test_any_text_may_be_a_label(reason: str) -> None:
    metrics = Metrics()
    answer(metrics, error=reason, status=500)

    assert Samples(metrics).value("ziffer_failures_total", reason=reason) == 1


def test_request_is_in_flight_until_it_ends() -> None:
    metrics = Metrics()
    answer(metrics)
    metrics.requests.begin()

    assert Samples(metrics).value("ziffer_http_requests_in_flight") == 1


def test_workers_are_seen_as_one_service(classifier: Classifier) -> None:
    metrics = Metrics(2)
    models = ModelMetrics(metrics)
    answer(metrics)

    for stale_s in (0, 60):

        def work(stale_s: float = stale_s) -> None:
            answer(metrics)
            models.checked({"primary": classifier}, heard=True, stale_s=stale_s)

        done(fork(work))
    models.checked({"primary": classifier, "canary": classifier}, heard=True, stale_s=0)

    found = Samples(metrics)
    card = classifier.card
    labels = {"model": card.name, "version": card.version, "digest": classifier.digest}
    requests = found.value(
        "ziffer_http_requests_total", route="/predict", method="POST", status=200
    )
    assert requests == 3
    assert found.value("ziffer_model_info", role="primary", **labels) == 1
    assert found.value("ziffer_model_workers", role="canary", **labels) == 1
    assert found.value("ziffer_model_stale") == 0  # The process that was stale is gone.


def test_role_that_is_withdrawn_has_no_model(classifier: Classifier) -> None:
    metrics = Metrics()
    models = ModelMetrics(metrics)
    models.checked({"primary": classifier, "canary": classifier}, heard=True, stale_s=0)
    models.checked({"primary": classifier}, heard=True, stale_s=0)

    exposition = metrics.exposition().decode()
    assert 'ziffer_model_info{role="primary"' in exposition
    assert 'ziffer_model_info{role="canary"' not in exposition


def test_staleness_lasts_since_its_beginning() -> None:
    metrics = Metrics()
    ModelMetrics(metrics).checked({}, heard=False, stale_s=60)

    found = Samples(metrics)
    assert found.value("ziffer_model_stale") == 1
    assert 60 <= (found.value("ziffer_model_stale_seconds") or 0) < 3600
    assert found.value("ziffer_alias_last_check_timestamp_seconds") is None


def test_refused_versions_are_counted_by_reason() -> None:
    metrics = Metrics()
    models = ModelMetrics(metrics)
    models.refused(3, SelfTestFailedError("it differs"))
    models.refused(4, ModelUnusableError("it cannot be loaded"))
    models.refused(5, ModelUnusableError("nor can this"))

    refusals = Samples(metrics).named("ziffer_model_refusals_total")
    assert refusals == {"self_test": 1, "other": 2}


def test_shadow_is_compared_and_its_own_predictions_counted() -> None:
    metrics = Metrics()
    models = ModelMetrics(metrics)
    models.answered("primary", 3, readings(5))
    models.answered("shadow", 4, readings(5))
    models.compared(3, 4, images=5, agreed=4)
    models.dropped(4, 7)
    models.failed("canary", 5)

    found = Samples(metrics)
    for outcome, images in {"agreed": 4, "differed": 1, "dropped": 7}.items():
        assert found.value("ziffer_shadow_images_total", version=4, outcome=outcome) == images
    assert found.value("ziffer_model_requests_total", version=3, role="primary") == 1
    assert found.value("ziffer_inference_batch_size_sum", version=4) == 5
    assert found.value("ziffer_inference_batch_size_sum", version=3) is None
    assert found.value("ziffer_model_failures_total", version=5, role="canary") == 1


def test_processes_tell_what_they_use() -> None:
    metrics = Metrics()
    found = Samples(metrics)

    assert (found.value("process_resident_memory_bytes", worker=0) or 0) > 1e6
    assert (found.value("process_cpu_seconds_total", worker=0) or 0) > 0
    assert (found.value("process_start_time_seconds", worker=0) or 0) > 1.7e9
    assert (found.value("process_open_fds", worker=0) or 0) > 2
