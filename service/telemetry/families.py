"""The metrics of the service: their names, labels and buckets."""

from dataclasses import dataclass
from typing import Literal

LATENCIES_S = (
    0.000_01, 0.000_025, 0.000_05,
    0.000_1, 0.000_25, 0.000_5,
    0.001, 0.002_5, 0.005,
    0.01, 0.025, 0.05,
    0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
    10.0,
)  # fmt: skip

BATCH_SIZES = tuple(float(2**power) for power in range(13))

# Finer where a calibrated model puts most images.
CONFIDENCES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
DOUBTS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


STAGES = ("decode", "prepare", "infer")
"""Of a prediction."""


@dataclass(frozen=True, eq=False)
class Family:
    """Series of one name, which differ in their labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, inclusive; one more has no bound."""

    @property
    def length(self) -> int:
        """Values in a series; those of a histogram are its buckets, not cumulated, and its sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    def series(self, *label_values: object) -> str:
        """The name of the series with these values of the labels, as Prometheus writes it."""
        if not self.labels:
            return self.name
        pairs = zip(self.labels, label_values, strict=True)
        labels = ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)
        return f"{self.name}{{{labels}}}"


def _escape(value: object) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


REQUESTS = Family(
    "ziffer_http_requests_total",
    "counter",
    "Requests answered, by route, method and status.",
    ("route", "method", "status"),
)
REQUEST_SECONDS = Family(
    "ziffer_http_request_duration_seconds",
    "histogram",
    "Time from a request's body to its answer, by route.",
    ("route",),
    LATENCIES_S,
)
IN_FLIGHT = Family("ziffer_http_requests_in_flight", "gauge", "Requests being answered now.")
FAILURES = Family(
    "ziffer_failures_total",
    "counter",
    "Requests answered with an error, by the type of error.",
    ("reason",),
)
REJECTED_INPUTS = Family(
    "ziffer_rejected_inputs_total",
    "counter",
    "Inputs that got no digit: images read as blank, not_a_digit, low_confidence or "
    "multiple_digits, and inputs refused with status 400, 413, 415 or 422, by type of error.",
    ("reason",),
)
STAGE_SECONDS = Family(
    "ziffer_stage_duration_seconds",
    "histogram",
    "Time that a stage of a prediction took: decode, prepare, infer.",
    ("stage",),
    LATENCIES_S,
)
BATCH_SIZE = Family(
    "ziffer_inference_batch_size",
    "histogram",
    "Images in one run of the model; _count is the number of runs, _sum that of images.",
    ("version",),
    BATCH_SIZES,
)
PREDICTIONS = Family(
    "ziffer_predictions_total",
    "counter",
    "Images read, by version and the most probable digit.",
    ("version", "digit"),
)
CONFIDENCE = Family(
    "ziffer_prediction_confidence",
    "histogram",
    "Probability of the most probable digit of an image.",
    ("version",),
    CONFIDENCES,
)
NOT_A_DIGIT = Family(
    "ziffer_prediction_not_a_digit",
    "histogram",
    "Probability that an image is no digit.",
    ("version",),
    DOUBTS,
)
MODEL_REQUESTS = Family(
    "ziffer_model_requests_total",
    "counter",
    "Requests given to a version in its role, while there is a canary or a shadow to compare.",
    ("version", "role"),
)
MODEL_FAILURES = Family(
    "ziffer_model_failures_total",
    "counter",
    "Those of them that it could not answer.",
    ("version", "role"),
)
SHADOW_IMAGES = Family(
    "ziffer_shadow_images_total",
    "counter",
    "Images that the shadow should read as well: it agreed with the primary on the digit, "
    "it differed, or it was too slow and they were dropped.",
    ("version", "outcome"),
)
MODEL_INFO = Family(
    "ziffer_model_info",
    "gauge",
    "The version that each role has, and its digest.",
    ("role", "model", "version", "digest"),
)
MODEL_WORKERS = Family(
    "ziffer_model_workers",
    "gauge",
    "Processes in which a role has this version.",
    MODEL_INFO.labels,
)
MODEL_EXCHANGES = Family(
    "ziffer_model_exchanges_total",
    "counter",
    "Times that a process gave a role to another version.",
    ("role",),
)
MODEL_REFUSALS = Family(
    "ziffer_model_refusals_total",
    "counter",
    "Versions that a process could not serve: damaged or missing files, or a failed self-test.",
    ("reason",),
)
STALE = Family(
    "ziffer_model_stale",
    "gauge",
    "1 while a process serves, or may serve, another version than its alias names.",
)
STALE_SECONDS = Family(
    "ziffer_model_stale_seconds", "gauge", "How long that has been so without a break."
)
LAST_CHECK = Family(
    "ziffer_alias_last_check_timestamp_seconds",
    "gauge",
    "When the store last said what the alias names, to the process where that is longest ago.",
)
DROPPED_SERIES = Family(
    "ziffer_telemetry_dropped_series_total",
    "counter",
    "Series that were not counted for want of room.",
)
LOST_LINES = Family(
    "ziffer_access_log_lost_lines_total",
    "counter",
    "Lines of the access log that its reader was too slow for.",
)
RESIDENT_BYTES = Family(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory, by process; 0 is the one that started the others.",
    ("worker",),
)
CPU_SECONDS = Family(
    "process_cpu_seconds_total", "counter", "CPU time in user and system mode.", ("worker",)
)
START_SECONDS = Family(
    "process_start_time_seconds", "gauge", "Start of the process since the Unix epoch.", ("worker",)
)
OPEN_FILES = Family("process_open_fds", "gauge", "Open file descriptors.", ("worker",))

FAMILIES = tuple(value for value in tuple(globals().values()) if isinstance(value, Family))
"""All that is shown."""

STALE_SINCE = Family("stale since", "gauge", "When the process became stale; 0: it is not.")
"""Counted, but not shown."""
