"""Register one member, as `python -m training` registers its network."""

from collections.abc import Callable

import torch

from registry.card import ModelCard
from registry.catalog import Registry
from training.assembly import assemble
from training.data import read_checksums
from training.lineage import lineage
from training.mnist import Mnist
from training.network import Network
from training.population.census import Member
from training.population.settings import PopulationSettings
from training.unpublished import publish_or_keep


def publish(
    member: Member,
    network: Network,
    digits: Mnist,
    registry: Registry,
    settings: PopulationSettings,
    device: torch.device,
    report: Callable[[str], None],
) -> ModelCard:
    """Finish, score on the test set and publish; no alias is moved."""
    origin = lineage(read_checksums(settings.data), member.recipe.seed, device)
    name = settings.registry.model
    product = assemble(name, network, member.history, digits, member.recipe, origin)
    return publish_or_keep(
        registry,
        settings.registry,
        product.files,
        product.draft,
        settings.unpublished_dir,
        report,
    )
