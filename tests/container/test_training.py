"""The image that trains; it holds PyTorch, which takes minutes to get."""

from pathlib import Path

import pytest

from registry.settings import RegistrySettings, open_registry
from tests.container.engine import RESTRICTIONS, Engine
from tests.programs import QUICK_RECIPE, SAMPLE

pytestmark = [pytest.mark.container, pytest.mark.full]


def test_image_trains_and_registers_as_nobody(containers: Engine, tmp_path: Path) -> None:
    image = containers.build("train")
    store = tmp_path / "registry"
    store.mkdir()
    store.chmod(0o777)
    variables = QUICK_RECIPE | {"ZIFFER_STORE": "/registry"}
    variables |= {
        "ZIFFER_TRAIN_DATA_DIR": "/sample",
        "ZIFFER_TRAIN_CHECKSUMS": "/sample/SHA256SUMS",
    }

    containers.podman(
        *("run", "--rm", *RESTRICTIONS, "--memory=2g", "--tmpfs=/tmp"),
        "--tmpfs=/var/lib/ziffer:mode=1777",
        *(f"--volume={store}:/registry", f"--volume={SAMPLE}:/sample:ro"),
        *(f"--env={name}={value}" for name, value in variables.items()),
        image,
    )

    registry = open_registry(RegistrySettings(store=str(store)))
    assert registry.resolve("digits", "production").card.version == 1
    assert store.joinpath("models").stat().st_uid == 65532
