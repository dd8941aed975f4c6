"""How pip reaches packages on this machine, for a build that must reach them, too."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PASSED_ON = {"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy"}
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class PipSettings(NamedTuple):
    """Pip's settings, as the secrets and volumes of a build."""

    options: dict[str, str]
    certificates: Path | None
    folders: list[Path]
    """Folders of packages on this machine that the options name."""

    @classmethod
    def found(cls) -> "PipSettings":
        """What pip's files and the environment say."""
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        # Later lines override earlier ones: pip lists its files first, then the environment.
        found = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listing, re.M))
        bundles = [found.get("cert"), *map(os.environ.get, _BUNDLES)]
        certificates = next((Path(bundle) for bundle in bundles if bundle), None)
        options = {name: value.replace("\\n", " ") for name, value in found.items()}
        options = {name: value for name, value in options.items() if name in _PASSED_ON}
        return cls(options, certificates, list(_folders(options)))

    def build_flags(self, directory: Path) -> Iterator[str]:
        """Flags for `buildah bud`; files that they name are written into `directory`."""
        lines = [f"{name} = {value}" for name, value in self.options.items()]
        if self.certificates:
            lines.append("cert = /run/secrets/ca")
            yield f"--secret=id=ca,src={self.certificates}"
        file = directory / "pip.conf"
        file.write_text("\n".join(["[global]", *lines, ""]))
        yield f"--secret=id=pipconf,src={file}"
        for folder in self.folders:
            yield f"--volume={folder}:{folder}:ro"


def _folders(options: dict[str, str]) -> Iterator[Path]:
    for word in " ".join(options.values()).split():
        # The pages of an index name files beside its own folder.
        index = word.removeprefix("file://")
        path = Path(word) if index == word else Path(index).parent
        if path.is_absolute() and path.is_dir():
            yield path
