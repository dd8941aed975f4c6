"""The commands that keep a registry sound: check it, clean it, sign, export and import."""

import importlib.util
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from registry import bundle, checkup, collection, deletion, notes, tables
from registry.card import Frozen
from registry.collection import Bytes
from registry.errors import InvalidNameError, RegistryError
from registry.handover import as_environment
from registry.report import EXIT_DAMAGED, EXIT_INTERRUPTED, Call, Report
from registry.signing import Signer, signers


class Verification(Frozen):
    """What is certain about one version."""

    name: str
    version: int
    files: dict[str, str]
    """SHA-256 of each file, as its bytes were read just now."""
    signed_by: tuple[str, ...]
    """Names, from the policy, of the keys whose signature is valid."""


def verify(call: Call) -> Report:
    """Read every byte of a version and check it, and its signatures, against the card."""
    card = call.card(call.arguments.reference)
    for name in card.files:
        call.registry.fetch(card, name)
    given = [*card.signatures, *notes.signatures(call.registry.store, card)]
    keys = call.registry.policy.keys
    found = Verification(
        name=card.name,
        version=card.version,
        files={name: file.digest for name, file in card.files.items()},
        signed_by=tuple(signers(card, given, keys)) if given and keys else (),
    )
    by = ", ".join(found.signed_by) or "nobody whose key the policy names"
    return Report.of(found, f"{card.name} version {card.version} is intact\nvalidly signed by {by}")


def reproduce(call: Call) -> Report:
    """Train a version again, as its card says, and compare what comes out with its files."""
    for package in ("training", "torch"):
        if importlib.util.find_spec(package) is None:
            raise RegistryError(
                f"to reproduce is to train, but {package} is not installed here: "
                "run this where `python -m training` works"
            )
    card = call.card(call.arguments.reference)
    command = [sys.executable, "-m", "training.reproduce", str(card.version)]
    command += ["--json"] if call.arguments.json else []
    # Training has a process of its own, as the registry imports nothing of it. Settings go through
    # the environment: secrets among flags would be seen.
    env = os.environ | as_environment(call.settings)
    try:
        told = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own program
    except KeyboardInterrupt:
        return Report(None, "", EXIT_INTERRUPTED)
    if told.returncode < 0:
        raise RegistryError(f"signal {-told.returncode} ended the training")
    document = json.loads(told.stdout) if call.arguments.json and told.stdout else None
    return Report(document, told.stdout.rstrip("\n"), told.returncode)


def gc(call: Call) -> Report:
    """Find bytes that nothing names; with --apply set them aside, and delete what was before."""
    found = collection.collect(
        call.registry.store,
        apply=call.arguments.apply,
        grace=timedelta(days=call.arguments.grace_days),
        hold=timedelta(hours=call.arguments.hold_hours),
        retention=timedelta(days=call.arguments.retention_days),
    )
    rows = [
        ("set aside", *_amount(found.set_aside), "named by nothing: kept in the trash for now"),
        ("bring back", *_amount(found.brought_back), "named again since"),
        ("delete", *_amount(found.deleted), "in the trash for long enough"),
        ("keep", found.kept_objects, tables.size(found.kept_bytes), "needed, or too young to say"),
    ]
    text = tables.table(("", "objects", "size", ""), rows)
    if not found.applied:
        text += "\nnothing was done: this was a dry run, use --apply"
    return Report.of(found, text)


def doctor(call: Call) -> Report:
    """Check the store, every version and every log; --repair brings aliases up to their logs."""
    found = checkup.examine(
        call.registry.store, repair=call.arguments.repair, deep=call.arguments.deep
    )
    lines = [
        f"store      {found.store}",
        f"answers    in {found.answer_ms:.1f} ms",
        f"guarantee  {found.guarantee}",
        f"holds      {found.models} models, {found.versions} versions, {found.blobs} files of "
        f"{tables.size(found.blob_bytes)}, {tables.size(found.trash_bytes)} in the trash",
        *(f"repaired   {what}" for what in found.repaired),
        *(f"WRONG      {finding.where}: {finding.what}" for finding in found.findings),
    ]
    return Report.of(found, "\n".join(lines), EXIT_DAMAGED if found.findings else 0)


def delete(call: Call) -> Report:
    """Say what deleting a version would lose; with --apply and --reason delete it for good."""
    store, model, version = call.registry.store, call.settings.model, call.arguments.version
    if not call.arguments.apply:
        lost = deletion.loss(store, model, version)
        done = "would be lost: nothing was done, use --apply and --reason"
    elif call.arguments.reason:
        call.registry.require_safe_writes()
        lost = deletion.delete(store, model, version, reason=call.arguments.reason)
        done = "is deleted"
    else:
        raise InvalidNameError("deleting wants a --reason, which is kept")
    files = ", ".join(lost.only_here) or "no file of its own"
    return Report.of(
        lost, f"{model} version {version}, with {files} ({tables.size(lost.size_bytes)}), {done}"
    )


def fetch(call: Call) -> Report:
    """Write one file of a version to a file of the same name here, or to --output."""
    card = call.card(call.arguments.reference)
    body = call.registry.fetch(card, call.arguments.file)
    path: Path = call.arguments.output or Path(Path(call.arguments.file).name)
    try:
        with path.open("xb") as file:
            file.write(body)
    except OSError as error:
        raise InvalidNameError(f"cannot write {path}: {error.strerror}") from None
    text = f"wrote {path}: {card.name} version {card.version}, {tables.size(len(body))}"
    return Report({"path": str(path), "version": card.version, "size_bytes": len(body)}, text)


def export(call: Call) -> Report:
    """Write a version to one file, a tar in the layout of an OCI image."""
    card = call.card(call.arguments.reference)
    size_bytes = bundle.export(call.registry, card, call.arguments.path)
    text = f"wrote {call.arguments.path}: {card.name} version {card.version}, "
    document = {"path": str(call.arguments.path), "version": card.version, "size_bytes": size_bytes}
    return Report(document, text + tables.size(size_bytes))


def import_(call: Call) -> Report:
    """Publish the version in a file that `export` wrote, under the next free number."""
    card = bundle.import_version(call.registry, call.arguments.path)
    return Report.of(card, f"imported as {card.name} version {card.version}")


def sign(call: Call) -> Report:
    """Add a signature to a version with the key of --signing-key."""
    if call.registry.signer is None:
        raise InvalidNameError("signing wants a key: --signing-key, or `keygen` to make one")
    card = call.card(call.arguments.reference)
    signature = notes.sign(call.registry.store, card, call.registry.signer)
    return Report.of(signature, f"signed {card.name} version {card.version}")


def keygen(call: Call) -> Report:
    """Make an Ed25519 key pair; the public key, for the policy, is printed."""
    public = Signer.create(call.arguments.path).public_key
    return Report({"public_key": public}, public)


def _amount(found: Bytes) -> tuple[int, str]:
    return found.objects, tables.size(found.size_bytes)
