"""Record where a model comes from, for its card."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import torch

from registry.card import Lineage

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch")


def lineage(
    data: Mapping[str, str], seed: int, device: torch.device, *, processes: int = 1
) -> Lineage:
    """The lineage of a model trained here, on `device` from `data` (name to SHA-256).

    `processes` shared each minibatch among them, with as many threads each as this one has.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    return Lineage(
        data=dict(data),
        seed=seed,
        git_commit=commit,
        git_dirty=None if commit is None else bool(changes),
        packages={package: metadata.version(package) for package in _PACKAGES},
        python=platform.python_version(),
        hardware=_hardware(device),
        device=device.type,
        threads=torch.get_num_threads(),
        processes=processes,
    )


def _git(*arguments: str) -> str | None:
    """What git says of the checkout that this file is in; None where it is in none."""
    try:
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=Path(__file__).parent,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
