"""How many requests each operation costs, counted on the wire, whatever the number of versions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry import keys
from registry.card import now
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import StoreUnavailableError
from registry.settings import open_registry
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_proxy import Fault, Proxy, proxied
from tests.registry_servers import Server

pytest_plugins = ["tests.registry_stores"]


@pytest.fixture(scope="module")
def wire(seaweedfs: Server) -> Iterator[tuple[Proxy, Server]]:
    with proxied(seaweedfs) as proxy_and_address:
        yield proxy_and_address


@pytest.fixture(scope="module", params=[1, 10_000])
def populated(
    request: pytest.FixtureRequest,
    wire: tuple[Proxy, Server],
    seaweedfs: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Proxy, Registry]:
    """A registry behind the counting proxy that holds so many versions, one of them promoted."""
    proxy, address = wire
    cache = tmp_path_factory.mktemp("cache")
    settings = address.settings(cache, s3_timeout_s=2)
    registry = open_registry(settings)
    registry.require_safe_writes()
    card = publish(registry, b"first")
    direct = open_registry(settings.model_copy(update={"s3_endpoint_url": seaweedfs.endpoint}))

    def add(version: int) -> None:
        copy = card.model_copy(update={"version": version})
        direct.store.put(keys.card(DIGITS, version), seal(copy))

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(add, range(2, request.param + 1)))
    registry.promote(publish(registry, b"newest"), PRODUCTION)
    return proxy, registry


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
