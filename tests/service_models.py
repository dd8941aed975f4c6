"""Registries in memory, and what a service makes of them."""

from typing import Any

import onnx

from registry.card import DraftCard, ModelCard
from registry.catalog import Registry
from registry.contract import GOLDEN_FILE, MODEL_FILE
from service.models.classifier import Reading
from service.models.observer import Observer, Role
from service.models.served import Models
from service.settings import ServiceSettings
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_memory import Away


class Releases:
    """Publishes and promotes versions that differ in their bytes but not in what they answer."""

    def __init__(self, registry: Registry, like: Registry) -> None:
        """Release into `registry` what `production` names in the registry `like`."""
        self.registry = registry
        card = like.resolve(DIGITS, PRODUCTION).card
        self.draft = card.draft
        self.files = {name: like.fetch(card, name) for name in (MODEL_FILE, GOLDEN_FILE)}

    def publish(self, onnx_file: bytes | None = None, golden: bytes | None = None) -> ModelCard:
        """Publish the next version; the files are the model's own where none are given."""
        if onnx_file is None:
            number = len(self.registry.versions(DIGITS)) + 1
            # Of two messages in a row, the second completes the first.
            mark = onnx.ModelProto(doc_string=f"version {number}").SerializeToString()
            onnx_file = self.files[MODEL_FILE] + mark
        files = self.files | {MODEL_FILE: onnx_file}
        if golden is not None:
            files[GOLDEN_FILE] = golden
        return self.registry.publish(DIGITS, files, self.draft)

    def release(
        self, onnx_file: bytes | None = None, golden: bytes | None = None, alias: str = PRODUCTION
    ) -> ModelCard:
        """Publish the next version, and let the alias name it."""
        card = self.publish(onnx_file, golden)
        self.registry.promote(card, alias)
        return card


class Served:
    """The models of a registry that can be cut off, what they report, and who releases new ones."""

    def __init__(self, like: Registry, observer: Observer | None = None, **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Serve one version of `like`, unless `wait_for_model` is set."""
        self.store = Away()
        self.registry = Registry(self.store)
        self.releases = Releases(self.registry, like)
        self.lines: list[str] = []
        self.models = Models(
            ServiceSettings(**settings),
            opener=lambda: self.registry,
            report=self.lines.append,
            observer=observer,
        )
        if not settings.get("wait_for_model"):
            self.releases.release()
        self.models.prepare()

    @property
    def version(self) -> int:
        """The number of the version that answers."""
        return self.models.choose().card.version


def models_of(onnx_file: bytes, draft: DraftCard) -> Models:
    """The models of a service that has only this one, published as `draft` says."""
    registry = Registry(Away())
    registry.promote(
        registry.publish(DIGITS, {MODEL_FILE: onnx_file}, draft),
        PRODUCTION,
        force=True,
        reason="test",
    )
    models = Models(ServiceSettings(), opener=lambda: registry)
    models.prepare()
    return models


class Recorder(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.told: list[tuple[object, ...]] = []

    def of(self, kind: str) -> list[tuple[object, ...]]:
        """What was told of one kind."""
        return [entry[1:] for entry in self.told if entry[0] == kind]

    def exchanged(self, role: Role, version: int) -> None:
        self.told.append(("exchanged", role, version))

    def refused(self, version: int, error: Exception) -> None:
        self.told.append(("refused", version, str(error)))

    def answered(self, role: Role, version: int, reading: Reading) -> None:
        self.told.append(("answered", role, version, len(reading.probabilities)))

    def failed(self, role: Role, version: int) -> None:
        self.told.append(("failed", role, version))

    def compared(self, primary: int, shadow: int, *, images: int, agreed: int) -> None:
        self.told.append(("compared", primary, shadow, images, agreed))

    def dropped(self, shadow: int, images: int) -> None:
        self.told.append(("dropped", shadow, images))
