"""Remove from an image's site-packages what the service never opens.

    python -m infra.slim .venv/lib/python3.11/site-packages

It is meant for an environment that was made from requirements/image.txt and will be thrown away
whole, as an image is: pip goes, too. Licences stay. `tests/test_infra_slim.py` serves from what is
left.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

# Patterns below site-packages.
UNUSED = (
    # What installs packages.
    "pip",
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
    # The library for C and C++ programs: Python's has all of it built in.
    "onnxruntime/capi/libonnxruntime.so.*",
    # What prepares models, which the registry's are already.
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # What builds Fortran and C extensions, and tests.
    "numpy/distutils",
    "numpy/f2py",
    "numpy/**/tests",
    "simplejson/tests",
    # A format of images that is not accepted.
    "PIL/_avif.*",
    "pillow.libs/libavif-*",
    # What writes text and converts colours by profiles.
    "PIL/_imagingcms.*",
    "PIL/_imagingft.*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "pillow.libs/liblcms2-*",
    # What type checkers read.
    "**/*.pyi",
)

# boto3 describes four hundred services; it may have to ask these for credentials.
AWS_SERVICES = frozenset({"s3", "signin", "sso", "sso-oidc", "sts"})


def main() -> int:
    """Slim the directory named on the command line."""
    match sys.argv[1:]:
        case [name] if (Path(name) / "onnxruntime").is_dir():
            before = size_bytes(Path(name))
            slim(Path(name))
            after = size_bytes(Path(name))
            print(f"{name}: {before / 1e6:.0f} MB, now {after / 1e6:.0f} MB")  # noqa: T201 - a program prints
            return 0
        case _:
            print("usage: python -m infra.slim SITE_PACKAGES", file=sys.stderr)  # noqa: T201 - as above
            return 2


def slim(site_packages: Path) -> None:
    """Remove from `site_packages` what the service never opens."""
    for path in list(unused(site_packages)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def unused(site_packages: Path) -> Iterator[Path]:
    """What `slim` removes."""
    for pattern in UNUSED:
        yield from site_packages.glob(pattern)
    for service in (site_packages / "botocore/data").iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            yield service


def size_bytes(directory: Path) -> int:
    """What the files below `directory` hold."""
    return sum(path.lstat().st_size for path in directory.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    sys.exit(main())
