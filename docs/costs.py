"""Write docs/costs.md anew from prices and durations: `python -m docs.costs`."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_name("costs.md")

LOADS = {"1 a day": 1, "1 k a day": 1_000, "1 M a day": 1_000_000}
"""Predictions a day."""

DAYS = 365 / 12
HOURS = 24 * DAYS
"""In a month."""


class Price(NamedTuple):
    """What a unit of something costs."""

    what: str
    usd: float
    unit: str
    """One of these, or so many, costs `usd`."""
    per: float = 1


class Measure(NamedTuple):
    """A number that the arithmetic starts from."""

    meaning: str
    value: float
    unit: str
    origin: str


class Item(NamedTuple):
    """One line of a bill."""

    price: Price
    amount: Callable[[float], float]
    """How many units a month, at so many predictions a day."""
    because: str

    def usd(self, a_day: float) -> float:
        """What it comes to in a month."""
        return self.amount(a_day) * self.price.usd / self.price.per


# List prices of AWS in us-east-1 and of Google Cloud in us-central1, without any free tier.
LAMBDA_TIME = Price("Lambda, x86-64", 0.0000166667, "GB-second")
LAMBDA_REQUEST = Price("Lambda, requests", 0.20, "million", 1e6)
LOG = Price("CloudWatch Logs, taken in", 0.50, "GB")
ALARM = Price("CloudWatch, alarm", 0.10, "alarm and month")
S3_GET = Price("S3, GET", 0.0004, "thousand", 1e3)
SAGEMAKER_TIME = Price("SageMaker serverless, 1 GB", 0.0000200, "second")
SAGEMAKER_DATA = Price("SageMaker, data in and out", 0.016, "GB")
FARGATE_CPU = Price("Fargate, x86-64, CPU", 0.04048, "vCPU-hour")
FARGATE_MEMORY = Price("Fargate, x86-64, memory", 0.004445, "GB-hour")
BALANCER = Price("Application Load Balancer", 0.0225, "hour")
BALANCER_UNIT = Price("Application Load Balancer, capacity", 0.008, "LCU-hour")
ADDRESS = Price("Public IPv4 address", 0.005, "hour")
VM = Price("EC2 t4g.micro, 2 CPUs (a tenth of each for good), 1 GB", 0.0084, "hour")
DISK = Price("EBS gp3", 0.08, "GB-month")
NODE = Price("EC2 m5.large, 2 CPUs, 8 GB", 0.096, "hour")
RUN_CPU = Price("Cloud Run, CPU while a request is answered", 0.000024, "vCPU-second")
RUN_MEMORY = Price("Cloud Run, memory, likewise", 0.0000025, "GiB-second")
RUN_REQUEST = Price("Cloud Run, requests", 0.40, "million", 1e6)
GPU_SPOT = Price("EC2 g4dn.xlarge, spot, typical", 0.19, "hour")
GPU = Price("EC2 g4dn.xlarge, on demand", 0.526, "hour")
FILES = Price("EFS", 0.30, "GB-month")
TRAFFIC = Price("AWS, out to the Internet", 0.09, "GB")

WARM_MS = Measure(
    "answer of a warm function, a whole CPU", 2.7, "ms", "measured: Lambda's emulator, 2 to 2.7"
)
COLD_S = Measure("start of a function, a whole CPU", 0.49, "s", "measured: the same, 0.28 to 0.49")
RAW_MS = Measure("CPU for 784 bytes over HTTP", 0.16, "ms", "measured: docs/serving.md")
PNG_MS = Measure("CPU for a picture file", 1.8, "ms", "measured")
MEMORY_GB = Measure("memory of a function or endpoint", 1, "GB", "infra/aws; about 0.1 is used")
ONE_CPU_GB = Measure("memory with which Lambda gives a whole CPU", 1.769, "GB", "AWS's manual")
KB_LOGGED = Measure(
    "log of a request", 0.7, "kB", "assumed: the access log's line, and the platform's"
)
KB_ACCESS_LOG = Measure("of that, the access log's line", 0.4, "kB", "measured: docs/serving.md")
KB_ANSWER = Measure("answer", 0.7, "kB", "assumed")
KB_MOVED = Measure("request and answer", 2, "kB", "assumed: 784 bytes, the answer and the headers")
FOLLOW_S = Measure("between two looks at the alias, container", 5, "s", "--follow-interval-s")
FOLLOW_LAMBDA_S = Measure("the same, function", 60, "s", "infra/aws/function.yaml")
POD_CPU = Measure("CPU that a pod asks for", 1, "CPU", "infra/kubernetes")
POD_WORKERS = Measure("workers", 2, "a pod", "infra/kubernetes")
NODE_CPU = Measure("CPU of a node", 2, "CPU", "m5.large; what Kubernetes keeps of it is neglected")
IDLE_S = Measure("an idle function or pod stays for", 300, "s", "assumed")
TRAINING_H = Measure(
    "instance, for one training", 1 / 6, "h", "assumed: start 5 min, image 2 min, training 3 min"
)

PRICES = [value for value in globals().values() if isinstance(value, Price)]
MEASURES = [value for value in globals().values() if isinstance(value, Measure)]

SLOWER = ONE_CPU_GB.value / MEMORY_GB.value
"""How much longer a function takes with its share of a CPU."""

CALL_S = math.ceil(WARM_MS.value * SLOWER) / 1e3


def alike(amount: float) -> Callable[[float], float]:
    """The same amount a month, however many predictions there are."""
    return lambda _: amount


def monthly(a_day: float) -> float:
    """Predictions a month."""
    return a_day * DAYS


def busy_s(a_day: float) -> float:
    """Seconds a month in which something answers or waits for more, requests evenly spread."""
    return DAYS * min(86_400, a_day * IDLE_S.value)


def cold_starts(a_day: float) -> float:
    """Starts a month: each request's, until the next comes while an instance still waits."""
    return monthly(a_day) if a_day * IDLE_S.value < 86_400 else 10 * DAYS


def billed_s(a_day: float) -> float:
    """Seconds a month for which a function is paid."""
    return monthly(a_day) * CALL_S + cold_starts(a_day) * COLD_S.value * SLOWER


CALLS = (
    f"{CALL_S * 1e3:.0f} ms each ({WARM_MS.value} ms × {SLOWER}, rounded up) and "
    f"{COLD_S.value * SLOWER:.2f} s a start ({COLD_S.value} s × {SLOWER})"
)
AT_LEAST_ONE = "one, always on"

FOLLOWED = f"one in {FOLLOW_S.value} s"
TIMES_FOLLOWED = HOURS * 3600 / FOLLOW_S.value
NODE_SHARE = POD_CPU.value / NODE_CPU.value

WAYS: dict[str, list[Item]] = {
    "Lambda with a function URL": [
        Item(
            LAMBDA_TIME, lambda n: billed_s(n) * MEMORY_GB.value, f"{MEMORY_GB.value} GB; {CALLS}"
        ),
        Item(LAMBDA_REQUEST, monthly, "one each"),
        Item(LOG, lambda n: monthly(n) * KB_LOGGED.value / 1e6, f"{KB_LOGGED.value} kB each"),
        Item(
            S3_GET,
            lambda n: min(monthly(n), busy_s(n) / FOLLOW_LAMBDA_S.value) + 2 * cold_starts(n),
            f"one in {FOLLOW_LAMBDA_S.value} s while in use, two a start",
        ),
        Item(ALARM, alike(4), "four"),
    ],
    "SageMaker, serverless": [
        Item(SAGEMAKER_TIME, billed_s, f"{MEMORY_GB.value} GB; {CALLS}"),
        Item(
            SAGEMAKER_DATA, lambda n: monthly(n) * KB_MOVED.value / 1e6, f"{KB_MOVED.value} kB each"
        ),
        Item(LOG, lambda n: monthly(n) * KB_LOGGED.value / 1e6, f"{KB_LOGGED.value} kB each"),
    ],
    "Cloud Run": [
        Item(RUN_CPU, lambda n: DAYS * min(86_400, n * 0.1), "1 CPU; each tenth of a second begun"),
        Item(RUN_MEMORY, lambda n: DAYS * min(86_400, n * 0.1) / 2, "0.5 GiB, likewise"),
        Item(RUN_REQUEST, monthly, "one each"),
    ],
    "A small virtual machine": [
        Item(VM, alike(HOURS), AT_LEAST_ONE),
        Item(DISK, alike(8), "8 GB"),
        Item(ADDRESS, alike(HOURS), "one"),
        Item(S3_GET, alike(TIMES_FOLLOWED), FOLLOWED),
    ],
    "Fargate behind a load balancer": [
        Item(FARGATE_CPU, alike(0.25 * HOURS), "0.25 CPU, always on"),
        Item(FARGATE_MEMORY, alike(0.5 * HOURS), "0.5 GB, always on"),
        Item(BALANCER, alike(HOURS), AT_LEAST_ONE),
        Item(
            BALANCER_UNIT,
            lambda n: monthly(n) * max(KB_MOVED.value / 1e6, 1 / 25 / 3600),
            "a unit an hour is 25 new connections a second, or 1 GB",
        ),
        Item(ADDRESS, alike(3 * HOURS), "three: the balancer's two, the task's"),
        Item(S3_GET, alike(TIMES_FOLLOWED), FOLLOWED),
    ],
    "Kubernetes, a node's share": [
        Item(NODE, alike(2 * HOURS * NODE_SHARE), "two pods of a CPU: half a node each"),
        Item(
            S3_GET,
            alike(2 * POD_WORKERS.value * TIMES_FOLLOWED),
            "one in 5 s by each of two workers, in each pod",
        ),
    ],
    "Knative, a node's share": [
        Item(
            NODE,
            lambda n: busy_s(n) / 3600 * NODE_SHARE,
            "a pod, half a node, while there are requests",
        ),
        Item(
            S3_GET,
            lambda n: POD_WORKERS.value * busy_s(n) / FOLLOW_S.value + 2 * cold_starts(n),
            "one in 5 s by each of two workers, two a start",
        ),
    ],
}

TRAININGS = {"weekly": DAYS / 7, "daily": DAYS}
TRAINING: list[Item] = [
    Item(GPU_SPOT, lambda n: n * TRAINING_H.value, f"{60 * TRAINING_H.value:.0f} minutes each"),
    Item(DISK, lambda n: 60 * n * TRAINING_H.value / HOURS, "60 GB for as long"),
    Item(FILES, alike(0.1), "checkpoints and MNIST, 0.1 GB"),
]

INTRODUCTION = """\
# What each way costs

In dollars a month, at 1, 1 thousand and 1 million predictions a day, evenly spread. `docs/costs.py`
has the prices and durations; `python -m docs.costs` writes this page from them.

**Check the prices.** They are list prices of AWS in us-east-1 and of Google Cloud in us-central1 as
known in the middle of 2025, written down from memory, without free tiers, discounts and taxes.
Nothing here was billed.
"""

REMARKS = """\
## What follows from it

- The work is small: a million pictures a day are {core:.1%} of one CPU, a million times 784 bytes
  {raw:.1%}. What is paid for is waiting. So the smallest machine is enough for all three loads, and
  a second one is for availability.
- Up to about {even:,.0f} predictions a day Lambda costs less than a small machine. Of a million,
  its log is the largest part: `ZIFFER_SERVE_ACCESS_LOG=none` saves {log:.2f} dollars.
- Following an alias is {follow:.2f} dollars a month for each worker at one GET in 5 seconds; in 60
  seconds, a twelfth of that.
- Cloud Run bills each request as a tenth of a second at least, hence a whole instance at a million.
- What goes out to the Internet comes on top, at AWS {traffic} dollars a GB: {out:.2f} dollars a
  million answers.
- Each pod of the manifests asks for a whole CPU. A quarter would do for these loads, and cost a
  quarter.
- Not counted: what is there anyway, such as a cluster's control plane (EKS: 73 dollars a month),
  Prometheus, or a NAT gateway (33 dollars a month: let training have a public subnet).
- A registry of a hundred versions of 300 kB is 0.03 GB: less than a tenth of a cent in S3.
"""


def total(items: list[Item], a_day: float) -> float:
    """The whole bill."""
    return sum(item.usd(a_day) for item in items)


def break_even() -> float:
    """Predictions a day from which on a small machine costs less than Lambda."""
    way, machine = WAYS["Lambda with a function URL"], WAYS["A small virtual machine"]
    low, high = 1_000.0, 1_000_000.0
    while high - low > 1:
        middle = (low + high) / 2
        cheaper = total(way, middle) < total(machine, middle)
        low, high = (middle, high) if cheaper else (low, middle)
    return round(low, -4)


def page() -> str:
    """The page as it should be."""
    parts = [INTRODUCTION, summary(), remarks()]
    parts += [f"## {way}\n\n{bill(items, LOADS)}\n" for way, items in WAYS.items()]
    on_demand = TRAINING_H.value * GPU.usd
    parts.append(
        f"## Train on AWS Batch\n\n{bill(TRAINING, TRAININGS)}\n\n"
        f"On demand a training is {on_demand:.2f} dollars instead of "
        f"{TRAINING_H.value * GPU_SPOT.usd:.2f}; between two there is no machine.\n"
    )
    return "\n".join([*parts, prices(), measures()])


def summary() -> str:
    """A row for each way."""
    rows = [f"| {way} |{cells(items, LOADS)}" for way, items in WAYS.items()]
    return "\n".join([*head(["way"], LOADS), *rows]) + "\n"


def remarks() -> str:
    """What the tables show."""
    return REMARKS.format(
        core=1e6 * PNG_MS.value / 1e3 / 86_400,
        raw=1e6 * RAW_MS.value / 1e3 / 86_400,
        even=break_even(),
        log=monthly(1e6) * KB_ACCESS_LOG.value / 1e6 * LOG.usd,
        out=1e6 * KB_ANSWER.value / 1e6 * TRAFFIC.usd,
        traffic=TRAFFIC.usd,
        follow=TIMES_FOLLOWED * S3_GET.usd / S3_GET.per,
    )


def bill(items: list[Item], loads: Mapping[str, float]) -> str:
    """A row for each item, with the amounts that its price is multiplied by."""
    rows = [
        f"| {item.price.what} | {item.because} | "
        + " | ".join(f"{amount(item, n)} = {usd(item.usd(n))}" for n in loads.values())
        + " |"
        for item in items
    ]
    rows.append(f"| **in all** | |{cells(items, loads)}")
    return "\n".join([*head(["what", "how much"], loads), *rows])


def amount(item: Item, load: float) -> str:
    """The multiplication, such as `12.5 × 0.09`."""
    units = item.amount(load) / item.price.per
    return f"{decimal(units)} × {in_full(item.price.usd)}"


def decimal(value: float) -> str:
    """Three significant digits at least, in full."""
    if value >= 1_000:
        return f"{value:,.0f}"
    places = 2 - math.floor(math.log10(value)) if value else 0
    return f"{value:.{max(places, 5)}f}".rstrip("0").rstrip(".") if value < 1 else f"{value:.4g}"


def in_full(price: float) -> str:
    """A price without an exponent."""
    return f"{price:.10f}".rstrip("0").rstrip(".")


def cells(items: list[Item], loads: Mapping[str, float]) -> str:
    """The whole bill at each load, as cells of a row."""
    return "".join(f" {usd(total(items, load))} |" for load in loads.values())


def usd(value: float) -> str:
    """Dollars, to the cent."""
    return f"{value:,.2f}" if value >= 0.005 else "0.00"


def head(left: list[str], loads: Mapping[str, float]) -> list[str]:
    """The head of a table."""
    columns = [*left, *loads]
    return [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]


def prices() -> str:
    """The prices that are put in."""
    rows = [f"| {one.what} | {in_full(one.usd)} | {one.unit} |" for one in PRICES]
    return "\n".join(["## Prices\n\n| what | USD | for a |", "|---|---|---|", *rows]) + "\n"


def measures() -> str:
    """The durations and sizes that are put in."""
    rows = [f"| {m.meaning} | {m.value:.3g} {m.unit} | {m.origin} |" for m in MEASURES]
    return (
        "\n".join(["## Durations and sizes\n\n| what | value | from |", "|---|---|---|", *rows])
        + "\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
