"""Whatever happens to whichever request, readers see no error and the next writer goes on.

The faults are made by a proxy before SeaweedFS: what is tested is boto3, the wire and the protocol
together. Killed are real processes, with SIGKILL.
"""

import multiprocessing
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.retries.standard import ExponentialBackoff

from registry import keys
from registry.catalog import Registry
from registry.documents import sha256
from registry.errors import RegistryError
from registry.probe import remember
from registry.s3 import S3Store, client
from registry.store import Guarantee
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_proxy import Fault, Proxy, proxied
from tests.registry_servers import BUCKET, Server
from tests.registry_workers import OPERATIONS, perform, prepare

pytest_plugins = ["tests.registry_stores"]

SURVIVED = [
    Fault.LOST,
    Fault.UNANSWERED,
    Fault.TRUNCATED,
    Fault.REFUSED_409,
    Fault.REFUSED_412,
    Fault.FAILED_500,
    Fault.FAILED_503,
    Fault.DONE_BUT_500,
]

# `gc` asks for much. By default a fault meets one in so many of its requests; as many different
# faults as that, each beginning with another request, meet all of them.
GC_SHARE = len(SURVIVED)
EVERY_OPERATION = pytest.mark.parametrize(
    ("operation", "share"),
    [
        ("publish", 1),
        ("promote", 1),
        ("rollback", 1),
        ("gc", GC_SHARE),
        pytest.param("gc", 1, marks=pytest.mark.full),
    ],
)


@pytest.fixture(scope="module")
def wire(seaweedfs: Server) -> Iterator[tuple[Proxy, Server]]:
    with proxied(seaweedfs) as proxy_and_address:
        yield proxy_and_address


class Scene:
    """One registry, as its writer finds it behind the proxy and as its readers find it."""

    def __init__(self, wire: tuple[Proxy, Server], direct: Server, cache: Path) -> None:
        self.proxy, address = wire
        self._through_proxy = address.settings(cache, s3_timeout_s=1)
        self._clients = [client(self._through_proxy), client(direct.settings(cache))]
        self._cache = cache
        for server in (address, direct):
            remember(cache, f"{server.endpoint} {BUCKET}", Guarantee.FULL)
        self.again()

    def again(self) -> None:
        """Begin in another corner of the bucket, prepared as the one before."""
        prefix = uuid.uuid4().hex
        self.settings = self._through_proxy.model_copy(update={"store": f"s3://{BUCKET}/{prefix}"})
        self.writer, self.reader = (
            Registry(S3Store(client, BUCKET, prefix, memory=self._cache))
            for client in self._clients
        )
        prepare(self.reader)
        self.proxy.reset()


@pytest.fixture
def scene(wire: tuple[Proxy, Server], seaweedfs: Server, tmp_path: Path) -> Scene:
    """One for each test: a botocore client repeats less and less the more it had to."""
    return Scene(wire, seaweedfs, tmp_path)


@pytest.fixture(autouse=True)
def botocore_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)


@EVERY_OPERATION
@pytest.mark.parametrize("fault", SURVIVED, ids=lambda fault: fault.name)
def test_one_fault_at_any_request_is_survived(
    scene: Scene, operation: str, share: int, fault: Fault
) -> None:
    for number in requests_of(operation, scene, fault, share):
        scene.again()
        scene.proxy.reset(lambda n, number=number: fault if n == number else Fault.NONE)  # type: ignore[misc]

        OPERATIONS[operation](scene.writer)

        scene.proxy.reset()
        check_readers(scene.reader)
        check_effect(scene.reader, operation)
        check_next_writer(scene.reader)


@EVERY_OPERATION
@pytest.mark.parametrize(
    "fault",
    [
        Fault.LOST,
        Fault.UNANSWERED,
        Fault.REFUSED_412,
        Fault.DONE_BUT_500,
        pytest.param(Fault.TRUNCATED, marks=pytest.mark.full),
        pytest.param(Fault.REFUSED_409, marks=pytest.mark.full),
        pytest.param(Fault.FAILED_500, marks=pytest.mark.full),
        pytest.param(Fault.FAILED_503, marks=pytest.mark.full),
    ],
    ids=lambda fault: fault.name,
)
def test_faults_from_any_request_on_end_in_a_typed_error(
    scene: Scene, operation: str, share: int, fault: Fault
) -> None:
    for number in requests_of(operation, scene, fault, share):
        scene.again()
        scene.proxy.reset(lambda n, number=number: fault if n >= number else Fault.NONE)  # type: ignore[misc]

        try:
            OPERATIONS[operation](scene.writer)
        except RegistryError:
            pass
        else:
            check_effect(scene.reader, operation)

        scene.proxy.reset()
        check_readers(scene.reader)
        check_next_writer(scene.reader)


@pytest.mark.parametrize("operation", ["publish", "promote"])
def test_an_answer_that_comes_too_late_is_survived(scene: Scene, operation: str) -> None:
    for number in requests_of(operation, scene, Fault.TIMED_OUT, 1):
        scene.again()
        scene.proxy.reset(lambda n, number=number: Fault.TIMED_OUT if n == number else Fault.NONE)  # type: ignore[misc]

        OPERATIONS[operation](scene.writer)

        scene.proxy.reset()
        check_readers(scene.reader)
        check_effect(scene.reader, operation)


@EVERY_OPERATION
@pytest.mark.parametrize(
    "fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=lambda fault: fault.name
)
def test_a_writer_may_be_killed_at_any_request(
    scene: Scene, operation: str, share: int, fault: Fault
) -> None:
    for number in requests_of(operation, scene, fault, share):
        scene.again()

        kill_at_request(scene, operation, number, fault)

        check_readers(scene.reader)
        check_next_writer(scene.reader)


def kill_at_request(scene: Scene, operation: str, number: int, fault: Fault) -> None:
    """Perform the operation in a process that the proxy kills at one of its requests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.registry_workers", "registry.s3"])
    ready, go = context.Event(), context.Event()
    process = context.Process(target=perform, args=(scene.settings, operation, ready, go))
    process.start()
    assert ready.wait(60)
    assert process.pid
    scene.proxy.victim = process.pid
    scene.proxy.reset(lambda n: fault if n == number else Fault.NONE)
    go.set()
    process.join(60)
    scene.proxy.reset()
    assert process.exitcode == -signal.SIGKILL


def requests_of(operation: str, scene: Scene, fault: Fault, share: int) -> range:
    """The requests that the operation takes when nothing goes wrong: all, or one in `share`."""
    scene.again()
    OPERATIONS[operation](scene.writer)
    first = [*SURVIVED, *Fault].index(fault) % share
    return range(first, len(scene.proxy.requests), share)


def check_readers(registry: Registry) -> None:
    """Every version and every alias can be read, and what an alias names is in its log."""
    versions = registry.versions(DIGITS)
    assert versions == list(range(len(versions), 0, -1))
    for version in versions:
        card = registry.card(DIGITS, version)
        assert sha256(registry.fetch(card, "model.onnx")) == card.files["model.onnx"].digest
    move = registry.resolve(DIGITS, PRODUCTION).move
    pointer = registry.store.get(keys.pointer(DIGITS, PRODUCTION)).body
    assert registry.store.get(keys.log_entry(DIGITS, PRODUCTION, move.sequence)).body == pointer
    assert registry.fetch(move.card, "model.onnx")


def check_effect(registry: Registry, operation: str) -> None:
    """The operation did what it said it did."""
    present = registry.resolve(DIGITS, PRODUCTION).card.version
    expected = {"publish": 2, "promote": 3, "rollback": 1, "gc": 2}
    assert present == expected[operation]
    assert registry.versions(DIGITS)[0] == (4 if operation == "publish" else 3)
    if operation == "gc":
        assert len(registry.store.listing(keys.BLOBS)) == 3


def check_next_writer(registry: Registry) -> None:
    """Everything works again, and nothing that was committed is lost by it."""
    before = registry.versions(DIGITS)[0]
    moves = registry.store.listing(keys.log(DIGITS, PRODUCTION))

    card = publish(registry, b"the next")
    move = registry.promote(card, PRODUCTION)

    assert card.version == before + 1
    assert move.sequence == len(moves) + 1
    assert registry.resolve(DIGITS, PRODUCTION).move == move
    assert [entry.sequence for entry in registry.log(DIGITS, PRODUCTION)] == list(
        range(move.sequence, 0, -1)
    )
