"""Runs of batch prediction, in directories and in a bucket: what is promised of them as a whole."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.configuration import SettingsError
from registry.settings import RegistrySettings, open_registry, open_store
from service.batch_prediction.__main__ import main, run, settings_of
from service.batch_prediction.errors import BatchError, ClashError
from service.batch_prediction.settings import BatchSettings, Shard
from tests.programs import ROOT, environment, until
from tests.registry_servers import Server
from tests.service_models import Releases
from training.mnist import Mnist

pytest_plugins = ["tests.registry_stores"]

Tree = dict[str, bytes]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, sample: Mnist) -> Path:
    """Pictures in two folders, one of them damaged, arrays, and something else."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copytree(ROOT / "docs/digits", folder / "drawn")
    (folder / "drawn/damaged.png").write_bytes((folder / "drawn/7.png").read_bytes()[:100])
    (folder / "notes.txt").write_text("no picture")
    (folder / "fractions.npy").write_bytes(_npy(np.zeros((2, 28, 28))))
    (folder / "test.npy").write_bytes(_npy(sample.test.images))
    (folder / "test.raw").write_bytes(sample.test.images[:9].tobytes())
    return folder


def _npy(array: Any) -> bytes:  # noqa: ANN401 - any array
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def batch_settings(store: Path, source: object, output: object, **changes: object) -> BatchSettings:
    given: dict[str, object] = {
        "registry": RegistrySettings(store=str(store)),
        "input": str(source),
        "output": str(output),
        "processes": 1,
        "images_per_part": 64,
        "files_per_part": 4,
        "quiet": True,
    }
    return BatchSettings.model_validate(given | changes)


def tree(folder: Path) -> Tree:
    """All files below `folder`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def records(folder: Path) -> list[dict[str, Any]]:
    """All predictions below `folder`, in the order of the parts."""
    parts = sorted((folder / "parts").iterdir())
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(inputs: Path, sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the inputs."""
    output = tmp_path_factory.mktemp("undisturbed")
    assert run(batch_settings(sample_store, inputs, output)) == 3
    return output


def test_pictures_are_read_as_the_service_reads_them(
    undisturbed: Path, inputs: Path, client: FlaskClient
) -> None:
    pictures = [one for one in records(undisturbed) if one["input"].startswith("drawn/")]

    assert len(pictures) > 10
    for picture in pictures:
        content = (inputs / picture["input"]).read_bytes()
        answer = client.post("/predict", data=content)
        if picture["error"]:
            assert answer.status_code == 400
            continue
        told = json.loads(answer.data)
        for name in ("digit", "rejected", "model"):
            assert picture[name] == told[name]
        assert picture["probabilities"] == pytest.approx(told["probabilities"], abs=1e-4)


def test_arrays_are_read_in_their_order(undisturbed: Path, sample: Mnist) -> None:
    rows = [one for one in records(undisturbed) if one["input"] == "test.npy"]

    assert [row["index"] for row in rows] == list(range(len(sample.test.images)))
    assert np.mean([row["digit"] for row in rows] == sample.test.labels) > 0.7


def test_what_cannot_be_read_is_said_in_its_record(undisturbed: Path) -> None:
    errors = {one["input"]: one["error"] for one in records(undisturbed) if one["error"]}

    assert set(errors) == {"drawn/damaged.png", "fractions.npy"}
    assert "damaged" in errors["drawn/damaged.png"]
    assert "multiply fractions" in errors["fractions.npy"]


def test_the_summary_counts_every_outcome(undisturbed: Path) -> None:
    summary = json.loads((undisturbed / "summary.json").read_bytes())["content"]
    rows = [one for one in records(undisturbed) if not one["error"]]

    assert summary["total"]["images"] == len(rows)
    for digit in range(10):
        read = sum(row["digit"] == digit for row in rows)
        assert summary["total"]["digits"].get(str(digit), 0) == read
    assert summary["total"]["errors"] == 2
    assert summary["skipped_names"] == ["drawn/README.md", "notes.txt"]
    assert summary["parts"] == len(list((undisturbed / "parts").iterdir()))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shards=st.integers(2, 5), order=st.randoms(use_true_random=False))
def test_any_division_among_machines_gives_the_same(
    undisturbed: Path, inputs: Path, sample_store: Path, shards: int, order: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        for index in order.sample(range(shards), shards):
            assert not (output / "summary.json").exists()
            run(batch_settings(sample_store, inputs, output, shard=f"{index}/{shards}"))

        assert tree(output) == tree(undisturbed)


def test_a_bucket_is_read_and_written_as_a_directory_is(
    seaweedfs: Server, undisturbed: Path, inputs: Path, sample_store: Path, tmp_path: Path
) -> None:
    bucket = seaweedfs.settings(tmp_path)
    source = f"{bucket.store}/inputs"
    copy = open_store(bucket.model_copy(update={"store": source}))
    for key, body in tree(inputs).items():
        copy.put(key, body)
    output = f"{bucket.store}/outputs"
    registry = bucket.model_copy(update={"store": str(sample_store)})

    for shard in ("1/2", "0/2"):
        run(batch_settings(sample_store, source, output, registry=registry, shard=shard))

    written = open_store(bucket.model_copy(update={"store": output}))
    found = {listed.key: written.read(listed.key) for listed in written.listing("")}
    same = tree(undisturbed)
    # Where it lies and when it was written there are not the same.
    del found["run.json"], same["run.json"]
    assert found == same


def test_a_run_keeps_the_version_that_it_began_with(
    inputs: Path, undisturbed: Path, sample_store: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(sample_store, tmp_path / "registry")
    output = tmp_path / "output"
    run(batch_settings(store, inputs, output, shard="0/2"))
    registry = open_registry(RegistrySettings(store=str(store)))
    Releases(registry, like=registry).release()

    run(batch_settings(store, inputs, output, shard="1/2"))

    assert registry.resolve("digits", "production").card.version == 2
    assert tree(output) == tree(undisturbed)


def test_a_part_that_is_there_is_not_predicted_again(
    inputs: Path, undisturbed: Path, sample_store: Path, tmp_path: Path
) -> None:
    output = shutil.copytree(undisturbed, tmp_path / "output")
    kept, lost, *_ = sorted((output / "parts").iterdir())
    kept.write_text("mine\n")
    (output / "tallies" / f"{lost.stem}.json").unlink()
    lost.unlink()

    run(batch_settings(sample_store, inputs, output))

    assert kept.read_text() == "mine\n"
    assert tree(output) == tree(undisturbed) | {f"parts/{kept.name}": b"mine\n"}


def test_other_settings_are_another_run(
    inputs: Path, undisturbed: Path, sample_store: Path
) -> None:
    before = tree(undisturbed)

    with pytest.raises(ClashError, match=r"confidence_threshold was 0\.5, is 0\.9") as clash:
        run(batch_settings(sample_store, inputs, undisturbed, confidence_threshold=0.9))
    assert "give another OUTPUT" in str(clash.value)
    assert tree(undisturbed) == before


def test_other_inputs_are_another_run(
    inputs: Path, undisturbed: Path, sample_store: Path, tmp_path: Path
) -> None:
    more = shutil.copytree(inputs, tmp_path / "inputs")  # It keeps the times.
    shutil.copy(more / "drawn/7.png", more / "new.png")

    with pytest.raises(ClashError, match=r"INPUT held 15 files .*, holds 16 files"):
        run(batch_settings(sample_store, more, undisturbed))


def test_the_same_inputs_elsewhere_are_the_same_run(
    inputs: Path, undisturbed: Path, sample_store: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(inputs, tmp_path / "inputs")

    assert run(batch_settings(sample_store, moved, undisturbed)) == 3


def test_an_input_without_anything_is_an_error(sample_store: Path, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="nothing below"):
        run(batch_settings(sample_store, tmp_path / "nowhere", tmp_path / "output"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "INPUT and OUTPUT must be given"),
        (["a"], "OUTPUT must be given"),
        (["a", "a/b"], "neither may lie in the other"),
        (["s3://b/a/", "s3://b/a"], "neither may lie in the other"),
        (["s3://b", "s3://b/a"], "neither may lie in the other"),
        ([".", "a"], "neither may lie in the other"),
        (["a", f"{Path.cwd()}/a/b"], "neither may lie in the other"),
        (["file:///a/b%20c", "/a/b c/d"], "neither may lie in the other"),
        (["a", "b/../a/b"], "neither may lie in the other"),
        (["a", "b", "--shard", "4/4"], "such as 0/4"),
        (["gs://a", "b"], "no kind of store"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        settings_of(arguments, {})


def test_neighbours_are_told_apart() -> None:
    assert settings_of(["a", "ab"], {}).output == "ab"
    assert settings_of(["s3://b/in", "s3://b/in-2"], {}).output == "s3://b/in-2"
    assert settings_of(["in", "s3://in"], {}).output == "s3://in"


def test_a_child_of_an_array_job_finds_its_share() -> None:
    child = {"AWS_BATCH_JOB_ARRAY_INDEX": "3", "AWS_BATCH_JOB_ARRAY_SIZE": "8"}

    assert settings_of(["a", "b"], child).share == Shard(3, 8)
    assert settings_of(["a", "b", "--shard", "0/2"], child).share == Shard(0, 2)
    assert settings_of(["a", "b"], {}).share == Shard(0, 1)
    with pytest.raises(SettingsError, match="set ZIFFER_BATCH_SHARD to 3/N"):
        settings_of(["a", "b"], {"AWS_BATCH_JOB_ARRAY_INDEX": "3"})


def test_parquet_without_pyarrow_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    status = main(["a", "b", "--format", "parquet"])

    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])
    assert status == 2
    assert "pip install pyarrow" in capsys.readouterr().err


@pytest.mark.parametrize("entry", [("service.batch_prediction",), ("service", "batch_prediction")])
def test_a_full_disk_for_its_words_costs_no_run(
    entry: tuple[str, ...], sample_store: Path, tmp_path: Path
) -> None:
    source = tmp_path / "inputs"
    source.mkdir()
    (source / "blank.raw").write_bytes(bytes(784))

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", *entry, source, tmp_path / "output", "--log-format", "json"],
            cwd=ROOT,
            env=environment(ZIFFER_STORE=sample_store),
            stdout=full,
            stderr=full,
            check=False,
        )

    assert done.returncode == 0
    assert (tmp_path / "output/summary.json").exists()


class Long:
    """A run of many parts, in processes of its own."""

    def __init__(self, store: Path, folder: Path) -> None:
        """Run with the registry `store`; all else lies in `folder`."""
        self.output = folder / "output"
        self._source = folder / "inputs"
        self._source.mkdir()
        images = np.random.default_rng(0).integers(0, 256, (24_000, 784), np.uint8)
        np.save(self._source / "many.npy", images)
        self._env = environment(ZIFFER_STORE=store, ZIFFER_BATCH_IMAGES_PER_PART=64)

    def start(self, output: Path, processes: int = 2) -> subprocess.Popen[str]:
        flags = ("--processes", str(processes), "--log-format", "json")
        return subprocess.Popen(
            [sys.executable, "-m", "service.batch_prediction", self._source, output, *flags],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def started(self) -> subprocess.Popen[str]:
        """A run that has written some parts, and has most before it."""
        process = self.start(self.output)
        until(lambda: len(list(self.output.glob("tallies/*"))) > 3)
        return process


@pytest.fixture
def long(sample_store: Path, tmp_path: Path) -> Long:
    return Long(sample_store, tmp_path)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [int(child) for child, command in commands.items() if b"spawn_main" in command]


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"


def test_a_killed_run_goes_on_as_if_it_had_not_been(long: Long, tmp_path: Path) -> None:
    killed = long.started()
    workers = workers_of(killed)
    killed.kill()
    killed.communicate()
    until(lambda: not any(map(is_alive, workers)))
    left = tree(long.output)

    output, _ = long.start(long.output).communicate(timeout=120)
    long.start(tmp_path / "undisturbed", processes=1).communicate(timeout=120)

    assert len(workers) == 2
    assert "summary.json" not in left
    assert json.loads(output)["images"] == 24_000
    after = tree(long.output)
    assert after == tree(tmp_path / "undisturbed")
    assert left.items() <= after.items()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_run_and_leaves_nothing_half_written(
    long: Long, number: signal.Signals
) -> None:
    process = long.started()
    workers = workers_of(process)

    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 128 + number
    assert "goes on" in errors
    assert "Traceback" not in errors
    assert not any(map(is_alive, workers))
    assert not list(long.output.rglob(".tmp-*"))


def test_a_process_that_dies_ends_the_run_with_an_explanation(long: Long) -> None:
    process = long.started()
    one, other = workers_of(process)

    os.kill(one, signal.SIGKILL)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "SIGKILL: is there memory enough" in errors
    assert not is_alive(other)
