"""What goes wrong around the programs: stores, networks, disks, workers and clocks.

Everything here is real: processes, SIGKILL, an S3 server, a full disk. `make test-faults` runs it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from registry.card import DraftCard
from registry.settings import RegistrySettings, open_registry
from tests import registry_servers
from tests.faults.models import release_draft
from tests.registry_servers import SeaweedFS, Server
from training.mnist import Mnist


@pytest.fixture(scope="session")
def draft(sample_store: Path) -> DraftCard:
    """What is said of a model that passes the gate."""
    return release_draft(open_registry(RegistrySettings(store=str(sample_store))))


@pytest.fixture(scope="session")
def images(sample: Mnist) -> NDArray[np.uint8]:
    """Twenty digits to ask about."""
    return sample.test.images[:20]


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    with registry_servers.moto() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedFS]:
    """A real S3 server, to be killed and restarted; whoever kills it starts it again."""
    with registry_servers.restartable_seaweedfs() as seaweed:
        yield seaweed
