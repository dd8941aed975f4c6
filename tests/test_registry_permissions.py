"""The bucket policies in infra/ allow what each role does, and deny what it must not."""

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from registry.catalog import Registry
from registry.errors import StoreUnavailableError
from registry.probe import probe
from registry.s3 import S3Store
from tests.registry_examples import DIGITS, PRODUCTION, publish
from tests.registry_memory import MemoryStore

INFRA = Path(__file__).parent.parent / "infra"


class ForbiddenError(StoreUnavailableError):
    """What a store makes of 403."""


class Ask(NamedTuple):
    """One request, as a bucket policy sees it."""

    action: str
    resource: str
    conditions: dict[str, str]


class Guarded(MemoryStore):
    """A store that a bucket policy guards, read as AWS reads it: a deny beats every allow."""

    def __init__(self, policy: str, behind: MemoryStore) -> None:
        super().__init__()
        text = (INFRA / policy).read_text().replace("BUCKET", "b").replace("PREFIX", "p")
        self.statements: list[dict[str, Any]] = json.loads(text)["Statement"]
        self.objects = behind.objects

    def _enter(self, operation: str, key: str) -> None:
        for ask in asks(operation, key):
            effects = {s["Effect"] for s in self.statements if applies(s, ask)}
            if effects != {"Allow"}:
                raise ForbiddenError(f"{ask.action} on {ask.resource}")
        super()._enter(operation, key)


def asks(operation: str, key: str) -> Iterator[Ask]:
    place = f"arn:aws:s3:::b/p/{key}"
    if operation in {"listing", "folders"}:
        yield Ask("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": f"p/{key}"})
    elif operation == "get":
        yield Ask("s3:GetObject", place, {})
    elif operation == "delete":
        yield Ask("s3:DeleteObject", place, {})
    else:
        condition = {"create": {"s3:if-none-match": "*"}, "replace": {"s3:if-match": "etag"}}
        yield Ask("s3:PutObject", place, condition.get(operation, {}))


def applies(statement: dict[str, Any], ask: Ask) -> bool:
    return (
        any(fnmatch.fnmatchcase(ask.action, action) for action in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(ask.resource, r) for r in listed(statement["Resource"]))
        and all(
            holds(kind, key, wanted, ask.conditions)
            for kind, tests in statement.get("Condition", {}).items()
            for key, wanted in tests.items()
        )
    )


def holds(kind: str, key: str, wanted: Any, given: dict[str, str]) -> bool:  # noqa: ANN401
    if kind == "Null":
        return (key not in given) is (wanted == "true")
    assert kind == "StringLike", kind
    return key in given and any(fnmatch.fnmatchcase(given[key], one) for one in listed(wanted))


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.fixture
def bucket() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def trainer(bucket: MemoryStore) -> Registry:
    return Registry(Guarded("iam-trainer.json", bucket))


@pytest.fixture
def reader(bucket: MemoryStore) -> Registry:
    return Registry(Guarded("iam-reader.json", bucket))


@pytest.fixture
def promoter(bucket: MemoryStore) -> Registry:
    return Registry(Guarded("iam-promoter.json", bucket))


@pytest.fixture
def owner(bucket: MemoryStore) -> Registry:
    return Registry(bucket)


def test_training_publishes_and_moves_other_aliases(trainer: Registry) -> None:
    first, second = publish(trainer, b"1"), publish(trainer, b"2")

    trainer.promote(first, "canary")
    trainer.promote(second, "canary")

    assert trainer.rollback(DIGITS, "canary").card == first


def test_training_may_probe_the_store(trainer: Registry) -> None:
    assert probe(trainer.store) == "full"


def test_training_cannot_move_production(trainer: Registry, owner: Registry) -> None:
    first, second = publish(trainer, b"1"), publish(trainer, b"2")
    with pytest.raises(ForbiddenError, match="log/production/"):
        trainer.promote(first, PRODUCTION)
    owner.promote(first, PRODUCTION)

    with pytest.raises(ForbiddenError, match="log/production/"):
        trainer.promote(second, PRODUCTION)
    with pytest.raises(ForbiddenError):
        trainer.store.put("models/digits/aliases/production.json", b"mine")
    with pytest.raises(ForbiddenError):
        trainer.store.delete("models/digits/aliases/production.json")
    assert trainer.resolve(DIGITS, PRODUCTION).card == first


def test_training_cannot_rewrite_what_is_there(trainer: Registry) -> None:
    publish(trainer)

    for key in ("models/digits/versions/9999999998.json", "models/digits/log/canary/1.json"):
        with pytest.raises(ForbiddenError):
            trainer.store.put(key, b"mine")
        with pytest.raises(ForbiddenError):
            trainer.store.delete(key)


def test_a_reader_reads_and_cannot_write(reader: Registry, owner: Registry) -> None:
    owner.promote(publish(owner), PRODUCTION)

    assert reader.fetch(reader.resolve(DIGITS, PRODUCTION).card, "model.onnx") == b"model"
    with pytest.raises(ForbiddenError):
        publish(reader)


def test_a_promoter_moves_production_and_publishes_nothing(
    promoter: Registry, trainer: Registry
) -> None:
    first, second = publish(trainer, b"1"), publish(trainer, b"2")

    promoter.promote(first, PRODUCTION)
    promoter.promote(second, PRODUCTION)

    assert promoter.rollback(DIGITS, PRODUCTION).card == first
    assert probe(promoter.store) == "full"
    with pytest.raises(ForbiddenError, match="blobs/"):
        publish(promoter)


def test_a_promoter_cannot_rewrite_a_log(promoter: Registry, trainer: Registry) -> None:
    promoter.promote(publish(trainer), PRODUCTION)
    [entry] = promoter.store.listing("models/digits/log/production/")

    with pytest.raises(ForbiddenError):
        promoter.store.put(entry.key, b"mine")
    with pytest.raises(ForbiddenError):
        promoter.store.delete(entry.key)


def test_a_refusal_of_the_store_names_what_it_forbids() -> None:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - nothing is sent
    )

    def refuse(**_: object) -> None:
        response = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(response, "PutObject")

    client.meta.events.register("before-call.s3.PutObject", refuse)
    store = S3Store(client, "models")

    with pytest.raises(StoreUnavailableError, match=r"forbids a/b to these .*AccessDenied"):
        store.put("a/b", b"")
