"""The settings that say where the digits come from, and the digits."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from registry.configuration import Settings, SettingsError, setting
from registry.settings import user_cache_directory
from training import mnist
from training.mnist import Mnist
from training.sources import MIRRORS, Directory, Mirror, NpmPackage, Source, obtain


class DataSettings(Settings):
    """MNIST, or files of its names and format."""

    env_prefix: ClassVar[str] = "ZIFFER_TRAIN_"

    data_dir: Path | None = setting(None, "directory with MNIST's four files, gzipped or not")
    data_cache_dir: Path | None = setting(
        None, "where downloaded files are kept; unset: ziffer/mnist in the user's cache"
    )
    checksums: Path | None = setting(
        None, "file as sha256sum makes it, to train on other files of MNIST's names and format"
    )


def load_digits(
    settings: DataSettings,
    report: Callable[[str], None],
    checksums: Mapping[str, str] | None = None,
) -> Mnist:
    """The digits in the files with these SHA-256, or with those that the settings name.

    Raises DatasetError where they are not to be had, or SettingsError.
    """
    if checksums is None:
        checksums = read_checksums(settings)
    cache = Directory(settings.data_cache_dir or user_cache_directory() / "mnist")
    sources: list[Source] = [Directory(settings.data_dir)] if settings.data_dir else []
    sources.append(cache)
    if checksums == mnist.CHECKSUMS:
        sources += [*map(Mirror, MIRRORS), NpmPackage()]
    return mnist.parse(obtain(checksums, sources, cache, report))


def read_checksums(settings: DataSettings) -> dict[str, str]:
    """MNIST's own digests, or those that the user's file gives, in sha256sum's format."""
    if settings.checksums is None:
        return mnist.CHECKSUMS
    try:
        lines = settings.checksums.read_text().splitlines()
        given = {name.lstrip("*"): digest for digest, name in (line.split() for line in lines)}
        return {name: given[name] for name in mnist.CHECKSUMS}
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"--checksums is '{settings.checksums}': cannot read the digests of "
            f"{', '.join(mnist.CHECKSUMS)} from it ({error})"
        ) from None
