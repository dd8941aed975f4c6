"""Keep a finished model on this machine until the registry has it, so that none is ever lost."""

import shlex
import shutil
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from registry.card import DraftCard, ModelCard, now
from registry.catalog import Registry
from registry.errors import RegistryError
from registry.handover import as_flags, secrets_in
from registry.local import sync_directory, write_file
from registry.settings import RegistrySettings

_ADVICE = "how-to-publish.txt"


class UnpublishedError(RegistryError):
    """The model is finished, but not published; the text says where it is and what to do."""


def publish_or_keep(
    registry: Registry,
    settings: RegistrySettings,
    files: Mapping[str, bytes],
    draft: DraftCard,
    directory: Path,
    report: Callable[[str], None],
) -> ModelCard:
    """Publish `files` (name to bytes) as the next version of the model that `settings` name.

    Until that is done they are in `directory`, or else where temporary files go, together with the
    commands that publish them, and stay there if this process fails or is killed. `report` is told
    where they cannot be kept; they are published all the same. Raises UnpublishedError where they
    cannot be published.
    """
    publish_id = f"{settings.model}-{now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
    kept: Path | None = None
    advice = "The finished model is lost: it could not be kept either."
    for place in (directory / publish_id, Path(tempfile.gettempdir()) / "ziffer" / publish_id):
        try:
            _keep(place, files, draft, _advice(place, settings))
        except OSError as error:
            report(
                f"warning: cannot keep the finished model in {place.parent} while it is "
                f"published: {error.strerror}"
            )
        else:
            kept, advice = place, _advice(place, settings)
            break
    try:
        card = registry.publish(settings.model, files, draft, publish_id=publish_id)
    except RegistryError as error:
        raise UnpublishedError(f"{error}\n{advice}") from error
    except BaseException:  # Ctrl-C among others.
        report(advice)
        raise
    if kept:
        _remove(kept, report)
    return card


def _keep(place: Path, files: Mapping[str, bytes], draft: DraftCard, advice: str) -> None:
    """Write the directory `place`: whole or not at all, and durably."""
    temporary = _hidden(place)
    try:
        for name, body in files.items():
            write_file(temporary / "files" / name, body)
        write_file(temporary / "card.json", draft.model_dump_json(indent=2).encode())
        write_file(temporary / _ADVICE, f"{advice}\n".encode())
        temporary.rename(place)
        sync_directory(place.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove(place: Path, report: Callable[[str], None]) -> None:
    """Remove `place`, of which nobody may publish what is left after half of it is gone."""
    try:
        shutil.rmtree(place.rename(_hidden(place)))
    except OSError as error:
        report(f"warning: cannot remove {place}, which is published now: {error.strerror}")


def _hidden(place: Path) -> Path:
    return place.with_name(f".{place.name}")


def _advice(place: Path, settings: RegistrySettings) -> str:
    """The commands that publish what is kept in `place`, and remove it."""
    flags = as_flags(settings)
    card, publish_id = str(place / "card.json"), place.name
    publish = ["publish", str(place / "files"), "--card", card, "--publish-id", publish_id, *flags]
    promote = ["promote", "VERSION", "--reason", "trained", *flags]
    lines = [
        f"The finished model is kept in {place}. To publish it:",
        f"  python -m registry {shlex.join(publish)}",
        f"To let {settings.alias} name it, with the VERSION that this prints:",
        f"  python -m registry {shlex.join(promote)}",
        "Then remove it:",
        f"  {shlex.join(['rm', '-r', str(place)])}",
    ]
    if secrets := secrets_in(settings):
        lines.insert(1, f"(with {' and '.join(secrets)} in the environment)")
    return "\n".join(lines)
