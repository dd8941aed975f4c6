"""Measure the registry against the floor: the same requests made with bare boto3.

    python -m benchmarks.registry [--rounds 30] [--json FILE]

All contenders take turns in every round, in an order drawn anew, so that a busy moment, or a
predecessor that left the disk busy, hits them alike. The model is about 220 kB of random weights,
fresh in every round. SeaweedFS runs on this machine; MLflow, if it is installed (with onnx and
onnxruntime), keeps its records in sqlite and its files in a local directory.
"""

import importlib.util
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.goals import Goals, parser, quotients
from registry import keys
from registry.catalog import Registry
from registry.documents import sha256
from registry.local import LocalStore
from registry.s3 import S3Store, client
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_servers import BUCKET, seaweedfs

MODEL_BYTES = 220_000
OPERATIONS = ("publish", "promote", "load")

DIRECTORY, BUCKET_OF_OURS = "registry in a directory", "registry on seaweedfs"
FLOOR, MLFLOW, MLFLOW_FILES = "bare boto3", "mlflow.onnx.log_model", "mlflow, lowest level"

# Goals; what is missed is printed as missed.
TIMES_THE_FLOOR = 1.3
TIMES_AS_FAST_AS_MLFLOW = {
    DIRECTORY: {"publish": 15, "load": 25},
    BUCKET_OF_OURS: {"publish": 15, "load": 3},
}


class Contender(NamedTuple):
    """One way to do the three operations; each is handed what the one before it returned."""

    name: str
    publish: Callable[[bytes], Any]
    promote: Callable[[Any], Any]
    load: Callable[[], bytes]


def ours(name: str, registry: Registry) -> Contender:
    """The registry, without a cache: every load is a cold one."""
    return Contender(
        name,
        lambda body: publish(registry, body),
        lambda card: registry.promote(card, PRODUCTION),
        lambda: registry.fetch(registry.resolve(DIGITS, PRODUCTION).card, "model.onnx"),
    )


def floor(s3: Any, like: Registry) -> Contender:  # noqa: ANN401 - boto3 ships no types
    """The requests that the registry makes, of the same sizes, with nothing around them."""
    example = publish(like, b"example")
    move = like.promote(example, PRODUCTION)
    card_body = like.store.get(keys.card(DIGITS, example.version)).body
    entry_body = like.store.get(keys.log_entry(DIGITS, PRODUCTION, move.sequence)).body
    count = iter(range(10**9))
    place = {"Bucket": BUCKET}

    def publish_bare(body: bytes) -> str:
        key = f"floor/blobs/{sha256(body)}"
        s3.put_object(**place, Key=key, Body=body)
        s3.list_objects_v2(**place, Prefix="floor/versions/", MaxKeys=1)
        version = f"floor/versions/{10**9 - next(count)}"
        s3.put_object(**place, Key=version, Body=card_body, IfNoneMatch="*")
        return key

    def promote_bare(key: str) -> None:
        present = s3.get_object(**place, Key="floor/pointer")
        present["Body"].read()
        entry = f"floor/log/{10**9 - next(count)}"
        s3.put_object(**place, Key=entry, Body=entry_body, IfNoneMatch="*")
        pointer = entry_body + key.encode()
        s3.put_object(**place, Key="floor/pointer", Body=pointer, IfMatch=present["ETag"])

    def load_bare() -> bytes:
        pointer = s3.get_object(**place, Key="floor/pointer")["Body"].read()
        key = pointer[len(entry_body) :].decode()
        return bytes(s3.get_object(**place, Key=key)["Body"].read())

    s3.put_object(**place, Key="floor/pointer", Body=entry_body)
    return Contender(FLOOR, publish_bare, promote_bare, load_bare)


def mlflow_models(directory: Path) -> Contender:
    """MLflow as its users use it: mlflow.onnx.log_model, with the requirements given."""
    import mlflow
    import onnx

    mlflow.set_tracking_uri(f"sqlite:///{directory}/models.db")
    mlflow.set_experiment(experiment_id=_experiment(directory, "models"))

    def publish_model(body: bytes) -> str:
        with mlflow.start_run():
            logged = mlflow.onnx.log_model(
                onnx.load_from_string(body),
                name="model",
                registered_model_name=DIGITS,
                pip_requirements=["onnxruntime"],
                save_as_external_data=False,
            )
        return str(logged.registered_model_version)

    def load_model() -> bytes:
        with tempfile.TemporaryDirectory() as target:
            uri = f"models:/{DIGITS}@{PRODUCTION}"
            path = mlflow.artifacts.download_artifacts(uri, dst_path=target)
            return (Path(path) / "model.onnx").read_bytes()

    return Contender(
        MLFLOW,
        publish_model,
        lambda version: mlflow.MlflowClient().set_registered_model_alias(
            DIGITS, PRODUCTION, version
        ),
        load_model,
    )


def mlflow_files(directory: Path) -> Contender:
    """MLflow at its fastest: the client's lowest level, one file, no model format."""
    from mlflow import MlflowClient

    tracker = MlflowClient(tracking_uri=f"sqlite:///{directory}/files.db")
    experiment = _experiment(directory, "files")
    tracker.create_registered_model(DIGITS)

    def publish_file(body: bytes) -> str:
        run = tracker.create_run(experiment)
        path = directory / "model.onnx"
        path.write_bytes(body)
        tracker.log_artifact(run.info.run_id, str(path), "model")
        source = f"{run.info.artifact_uri}/model"
        return str(tracker.create_model_version(DIGITS, source, run.info.run_id).version)

    def load_file() -> bytes:
        version = tracker.get_model_version_by_alias(DIGITS, PRODUCTION)
        with tempfile.TemporaryDirectory() as target:
            tracker.download_artifacts(version.run_id, "model", target)
            return (Path(target) / "model" / "model.onnx").read_bytes()

    return Contender(
        MLFLOW_FILES,
        publish_file,
        lambda version: tracker.set_registered_model_alias(DIGITS, PRODUCTION, version),
        load_file,
    )


def _experiment(directory: Path, name: str) -> str:
    from mlflow import MlflowClient

    tracker = MlflowClient(tracking_uri=f"sqlite:///{directory}/{name}.db")
    return str(tracker.create_experiment(name, f"file://{directory}/{name}"))


def new_model() -> bytes:
    """A model of about 220 kB that nobody has seen: a layer of random weights."""
    if not importlib.util.find_spec("onnx"):
        return os.urandom(MODEL_BYTES)
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, (784, 70), os.urandom(784 * 280), raw=True)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 784))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", 70))],
        [weights],
    )
    opset = [helper.make_opsetid("", 20)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def contenders(stack: ExitStack) -> Iterator[Contender]:
    """Everyone who is installed."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ziffer-benchmark-")))
    yield ours(DIRECTORY, Registry(LocalStore(directory / "registry")))
    settings = stack.enter_context(seaweedfs()).settings(directory / "cache")
    on_s3 = Registry(S3Store(client(settings), BUCKET, "registry"))
    on_s3.require_safe_writes()
    yield ours(BUCKET_OF_OURS, on_s3)
    yield floor(client(settings), on_s3)
    if importlib.util.find_spec("mlflow"):
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        yield mlflow_files(directory)
        if importlib.util.find_spec("onnx"):
            yield mlflow_models(directory)


def measure(contestants: list[Contender], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds by contender and operation; the first round warms up and does not count."""
    times: dict[str, dict[str, list[float]]] = {
        one.name: {operation: [] for operation in OPERATIONS} for one in contestants
    }
    for round_ in range(rounds + 1):
        for one in random.sample(contestants, len(contestants)):
            for operation, ms in zip(OPERATIONS, take_turn(one), strict=True):
                times[one.name][operation] += [ms] if round_ else []
    return times


def take_turn(contender: Contender) -> tuple[float, float, float]:
    """Publish, promote and load one new model; the milliseconds that each took."""
    body = new_model()
    published, publish_ms = timed(partial(contender.publish, body))
    _, promote_ms = timed(partial(contender.promote, published))
    loaded, load_ms = timed(contender.load)
    assert loaded == body, contender.name
    return publish_ms, promote_ms, load_ms


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returned, and the milliseconds that it took."""
    began = time.perf_counter()
    answer = work()
    return answer, (time.perf_counter() - began) * 1000


def main() -> int:
    """Measure, and print medians, minima and ratios."""
    given = parser(__doc__, rounds=30).parse_args()
    goals = Goals(f"a model of about {MODEL_BYTES // 1000} kB, wall time, SeaweedFS here")
    with ExitStack() as stack:
        times = measure(list(contenders(stack)), given.rounds)
    print(f"about {MODEL_BYTES // 1000} kB, {given.rounds} rounds, ms: median (fastest)")
    for name, of in times.items():
        cells = (f"{o} {median(ms):7.2f} ({min(ms):.2f})" for o, ms in of.items())
        print(f"  {name:26} " + "   ".join(cells))
    compare(times, goals)
    print(goals.summary())
    goals.write(given.json)
    return 0


def compare(times: dict[str, dict[str, list[float]]], goals: Goals) -> None:
    """Print how many times as long one takes as the other, for all who took part."""
    for operation in OPERATIONS:
        print(goals.figure(f"{operation}: {DIRECTORY}", times[DIRECTORY][operation], "ms"))
    for operation in OPERATIONS:
        ratios = quotients(times[BUCKET_OF_OURS][operation], times[FLOOR][operation])
        what = f"{operation}: {BUCKET_OF_OURS} / {FLOOR}"
        print(goals.at_most(what, ratios, TIMES_THE_FLOOR))
    for theirs in (MLFLOW, MLFLOW_FILES):
        if theirs not in times:
            goals.skip(f"against {theirs}: not installed")
            continue
        for mine, wanted in TIMES_AS_FAST_AS_MLFLOW.items():
            for operation in OPERATIONS:
                ratios = quotients(times[theirs][operation], times[mine][operation])
                what = f"{operation}: {theirs} / {mine}"
                if theirs == MLFLOW and operation in wanted:
                    print(goals.at_least(what, ratios, wanted[operation]))
                else:
                    print(goals.figure(what, ratios))


if __name__ == "__main__":
    sys.exit(main())
