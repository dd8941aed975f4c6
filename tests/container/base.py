"""A base for the image where no registry of images is in reach: a small Debian and its Python."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from registry.settings import user_cache_directory

_FINISH = Path(__file__).with_name("finish_base.sh")
# apt, as it is in Docker's images, and brings the library of C++.
_PACKAGES = "apt,ca-certificates,python3,python3-pip-whl"


class Mirror(NamedTuple):
    """Where apt finds packages on this machine."""

    address: str
    release: str
    components: tuple[str, ...]


def mirror() -> Mirror | None:
    """The one that apt asks first; None where apt has no lists."""
    if not shutil.which("apt-get"):
        return None
    form = "--format=$(CREATED_BY) $(RELEASE) $(REPO_URI) $(COMPONENT)"
    listing = subprocess.run(
        ["apt-get", "indextargets", form], capture_output=True, text=True, check=False
    )
    targets = [line.split() for line in listing.stdout.splitlines()]
    packages = [target[1:] for target in targets if target[0] == "Packages" and len(target) == 4]
    plain = [target for target in packages if "-" not in target[0]]
    if not plain:
        return None
    release, address, _ = plain[0]
    components = dict.fromkeys(part for name, _, part in plain if name == release)
    return Mirror(address, release, tuple(components))


def stand_in(mirror: Mirror) -> Path:
    """The file system of the base as a tar file, made once and then kept in the user's cache."""
    recipe = f"{mirror.release} {_PACKAGES} {_FINISH.read_text()}"
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    kept = user_cache_directory() / "containers" / f"{mirror.release}-{digest}.tar"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        # The name must end in .tar, which tells mmdebstrap what to make.
        unfinished = kept.with_suffix(".unfinished.tar")
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=essential", f"--include={_PACKAGES}"),
                *(f"--components={','.join(mirror.components)}", f"--customize-hook={_FINISH}"),
                *(mirror.release, str(unfinished), mirror.address),
            ],
            check=True,
        )
        unfinished.replace(kept)
    return kept
