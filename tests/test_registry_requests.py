"""How many requests each operation costs, counted on the wire, whatever the number of versions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from registry import keys
from registry.card import now
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import StoreUnavailableError
from registry.settings import open_registry
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_proxy import Fault, Proxy, proxied
from tests.registry_servers import BUCKET, Server


@pytest.fixture(scope="module")
def in_process() -> Iterator[Server]:
    """A moto server whose memory the tests can reach: ten thousand uploads would take long."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3_backend().create_bucket(BUCKET, "us-east-1")
    yield Server(f"http://{host}:{port}")
    server.stop()


def s3_backend() -> Any:  # noqa: ANN401 - moto ships no types
    return s3_backends["123456789012"]["aws"]


@pytest.fixture(scope="module", params=[1, 10_000])
def populated(
    request: pytest.FixtureRequest,
    in_process: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Proxy, Registry]]:
    """A registry behind the counting proxy that holds so many versions, one of them promoted."""
    with proxied(in_process) as (proxy, address):
        settings = address.settings(tmp_path_factory.mktemp("cache"), s3_timeout_s=5)
        registry = open_registry(settings)
        registry.require_safe_writes()
        card = publish(registry, b"first")
        prefix = settings.store.removeprefix(f"s3://{BUCKET}/")
        for version in range(2, request.param + 1):
            copy = card.model_copy(update={"version": version})
            key = f"{prefix}/{keys.card(DIGITS, version)}"
            s3_backend().put_object(BUCKET, key, seal(copy))
        registry.promote(publish(registry, b"newest"), PRODUCTION)
        assert registry.resolve(DIGITS, PRODUCTION).card.version == request.param + 1
        yield proxy, registry


def test_publish_takes_three_requests(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated

    proxy.reset()
    publish(registry, b"another model")

    assert [request.method for request in proxy.requests] == ["PUT", "GET", "PUT"]


def test_publishing_known_bytes_takes_three_requests(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated

    proxy.reset()
    publish(registry, b"first")

    assert [request.method for request in proxy.requests] == ["PUT", "GET", "PUT"]


def test_promote_takes_three_requests(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated
    card = publish(registry, b"candidate")

    proxy.reset()
    registry.promote(card, PRODUCTION, expect=registry.resolve(DIGITS, PRODUCTION).card.version)

    asked = proxy.requests[1:]  # The first is the resolve of the test itself.
    assert [request.method for request in asked] == ["GET", "PUT", "PUT"]


def test_rollback_takes_four_requests(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated
    registry.promote(publish(registry, b"a mistake"), PRODUCTION)

    proxy.reset()
    registry.rollback(DIGITS, PRODUCTION)

    assert [request.method for request in proxy.requests] == ["GET", "GET", "PUT", "PUT"]


def test_a_cold_load_takes_two_requests(populated: tuple[Proxy, Registry], tmp_path: Path) -> None:
    proxy, registry = populated
    cold = Registry(registry.store)

    proxy.reset()
    body = cold.fetch(cold.resolve(DIGITS, PRODUCTION).card, "model.onnx")

    assert [request.method for request in proxy.requests] == ["GET", "GET"]
    assert body


def test_a_warm_check_takes_one_request_without_a_body(
    populated: tuple[Proxy, Registry],
) -> None:
    proxy, registry = populated
    known = registry.resolve(DIGITS, PRODUCTION)

    proxy.reset()
    moved = registry.resolve_if_moved(DIGITS, known)

    assert moved is None
    assert proxy.answers == [304]


def test_a_pinned_digest_takes_no_request(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated
    card = registry.resolve(DIGITS, PRODUCTION).card
    first = registry.fetch(card, "model.onnx")

    proxy.reset()

    assert registry.fetch(card, "model.onnx") == first
    assert proxy.requests == []


def test_as_of_takes_two_requests_and_one_for_each_halving(
    populated: tuple[Proxy, Registry],
) -> None:
    proxy, registry = populated

    proxy.reset()
    registry.as_of(DIGITS, PRODUCTION, now())

    assert len(proxy.requests) <= 2


def test_a_store_that_is_away_is_answered_for(populated: tuple[Proxy, Registry]) -> None:
    proxy, registry = populated
    known = registry.resolve(DIGITS, PRODUCTION)
    body = registry.fetch(known.card, "model.onnx")

    proxy.reset(lambda number: Fault.LOST)
    stale = registry.resolve(DIGITS, PRODUCTION)

    assert stale.stale
    assert (stale.move, stale.etag) == (known.move, known.etag)
    assert registry.fetch(stale.card, "model.onnx") == body
    with pytest.raises(StoreUnavailableError, match="cannot reach s3://"):
        Registry(registry.store).resolve(DIGITS, PRODUCTION)

    proxy.reset()
    fresh = registry.resolve_if_moved(DIGITS, stale)
    assert fresh == known
