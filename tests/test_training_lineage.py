import torch

from registry.card import Lineage
from training.lineage import lineage


def test_lineage_tells_what_decides_the_bits() -> None:
    made = lineage({"train-images": "1" * 64}, 7, torch.device("cpu"), processes=2)

    assert (made.seed, made.data) == (7, {"train-images": "1" * 64})
    assert (made.device, made.threads, made.processes) == ("cpu", torch.get_num_threads(), 2)


def test_lineage_survives_its_document() -> None:
    made = lineage({}, 0, torch.device("cpu"))

    assert made.processes == 1
    assert Lineage.model_validate_json(made.model_dump_json()) == made
