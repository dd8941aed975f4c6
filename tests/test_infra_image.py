"""The Dockerfile agrees with the rest of the project; `make test-container` builds it."""

import re

import pytest

from tests.container.engine import BASE
from tests.programs import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def argument(name: str) -> str:
    (default,) = set(re.findall(rf"^ARG {name}=(.+)$", DOCKERFILE, re.M))
    return str(default)


def test_images_train_with_the_pytorch_of_the_checkout() -> None:
    assert f"torch=={argument('TORCH')}\n" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("name", ["BASE", "TRAIN_BASE"])
def test_tests_make_the_base_that_the_dockerfile_names(name: str) -> None:
    assert argument(name) == BASE


def test_builds_see_all_that_is_copied_and_nothing_else() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.M)
    seen = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M)

    assert {path if path in seen else path.partition("/")[0] for path in copied} == set(seen)


def test_image_is_locked_to_the_packages_that_are_tested() -> None:
    locks = [(ROOT / f"requirements/{name}.txt").read_text() for name in ("image", "service")]
    image, service = (set(re.findall(r"^[\w.-]+==\S+", lock, re.M)) for lock in locks)

    assert service <= image
