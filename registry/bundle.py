"""One version as one file: a tar in the layout of an OCI image (v1), readable by OCI tools.

    oci-layout, index.json      what the OCI image layout asks for
    blobs/sha256/DIGEST         the manifest, the card (its config) and the files (its layers)

The same version makes the same bytes. Everything is checked against its digest on the way in.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry import notes
from registry.card import ModelCard
from registry.catalog import Registry
from registry.documents import canonical, seal, sha256, unseal
from registry.errors import IntegrityError, InvalidNameError

CARD_TYPE = "application/vnd.ziffer.model-card.v1+json"
FILE_TYPE = "application/octet-stream"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"


def export(registry: Registry, card: ModelCard, path: Path) -> int:
    """Write a version to `path`, which must not exist, and return its size in bytes."""
    files = {name: registry.fetch(card, name) for name in card.files}
    added = notes.signatures(registry.store, card)
    body = pack(card.model_copy(update={"signatures": (*card.signatures, *added)}), files)
    try:
        with path.open("xb") as file:
            file.write(body)
    except OSError as error:
        raise InvalidNameError(f"cannot write {path}: {error.strerror}") from None
    return len(body)


def pack(card: ModelCard, files: dict[str, bytes]) -> bytes:
    """The tar of a version whose files are at hand."""
    config = seal(card)
    layers = [
        _descriptor(FILE_TYPE, files[name]) | {"annotations": {TITLE: name}}
        for name in sorted(files)
    ]
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": CARD_TYPE,
            "config": _descriptor(CARD_TYPE, config),
            "layers": layers,
        }
    )
    entry = _descriptor(MANIFEST_TYPE, manifest)
    entry["annotations"] = {TITLE: card.name, VERSION: str(card.version)}
    index = canonical({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]})
    blobs = {_blob(sha256(body)): body for body in (manifest, config, *files.values())}
    layout = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index}
    return _tar(layout | dict(sorted(blobs.items())))


def unpack(body: bytes) -> tuple[ModelCard, dict[str, bytes]]:
    """The card and the files in a tar that `pack` made; raises IntegrityError."""
    entries = dict(_entries(body))
    try:
        [listed] = json.loads(entries["index.json"])["manifests"]
        manifest = json.loads(_checked(entries, listed))
        config = _checked(entries, manifest["config"])
        files = {
            layer["annotations"][TITLE]: _checked(entries, layer) for layer in manifest["layers"]
        }
    except (KeyError, ValueError, TypeError) as error:
        raise IntegrityError(f"the bundle is not one of a version: {error!r}") from None
    card = unseal(ModelCard, config, key="the bundle's card")
    found = {name: (sha256(body), len(body)) for name, body in files.items()}
    if found != {name: (file.digest, file.size_bytes) for name, file in card.files.items()}:
        raise IntegrityError("the bundle's files are not those that its card names")
    return card, files


def import_version(registry: Registry, path: Path) -> ModelCard:
    """Publish the version in a file as the next version of the model of the same name.

    Its number is this registry's; its signatures are added to it, and so stay valid. Importing the
    same file again returns the version that it made, if that is among the newest eight.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InvalidNameError(f"cannot read {path}: {error.strerror}") from None
    card, files = unpack(body)
    publish_id = f"import-{sha256(body)}"
    imported = registry.publish(card.name, files, card.draft, publish_id=publish_id)
    for signature in card.signatures:
        notes.attach(registry.store, imported, signature)
    return imported


def _descriptor(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{sha256(body)}", "size": len(body)}


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest}"


def _checked(entries: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    algorithm, _, digest = descriptor["digest"].partition(":")
    body = entries[_blob(digest)]
    if algorithm != "sha256" or sha256(body) != digest or len(body) != descriptor["size"]:
        raise IntegrityError(f"the bundle is damaged at {_blob(digest)}")
    return body


def _tar(entries: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in entries.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), 0o644
            tar.addfile(member, io.BytesIO(body))
    return written.getvalue()


def _entries(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name.removeprefix("./"), file.read()
    except tarfile.TarError as error:
        raise IntegrityError(f"the bundle is not a tar, or a damaged one: {error}") from None
