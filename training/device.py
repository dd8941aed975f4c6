"""Where the network is trained."""

import torch

from training.errors import TrainingError


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """The device that `name` ("auto", "cpu" or "cuda") stands for; raises TrainingError.

    Of several processes on one machine, each gets a GPU of its own.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise TrainingError("--device is 'cuda', but PyTorch finds no GPU here: use cpu or auto")
    if available and name != "cpu":
        if local_rank >= torch.cuda.device_count():
            raise TrainingError(
                f"there are more processes than the {torch.cuda.device_count()} GPUs of this "
                "machine: start one for each, or use --device cpu"
            )
        return torch.device("cuda", local_rank)
    return torch.device("cpu")
