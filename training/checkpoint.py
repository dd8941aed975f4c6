"""Keep the state of a training on disk, so that a run that was killed can go on where it was.

What a run computes depends on its settings and its data alone. They name its file, so that a run
never goes on from the state of another.
"""

import io
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from registry.documents import canonical, sha256
from registry.local import remove_file, write_file
from training.errors import TrainingError

_FORMAT = 1


class Checkpoint:
    """The file with the newest state of one training."""

    def __init__(self, directory: Path, identity: dict[str, Any], *, interval_s: float) -> None:
        """The file in `directory` for the run that `identity`, any JSON, describes in full.

        It is written anew when the last one is `interval_s` old.
        """
        name = sha256(canonical(identity))[:16]
        self.path = directory.expanduser() / f"{name}.pt"
        self._interval_s = interval_s
        self._written_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written_at >= self._interval_s

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by `state`, wholly or not at all; raises TrainingError."""
        content = io.BytesIO()
        torch.save({"format": _FORMAT} | state, content)
        try:
            write_file(self.path, content.getvalue())
        except OSError as error:
            raise TrainingError(
                f"cannot write the checkpoint {self.path}: {error.strerror}; make room, or set "
                "--checkpoint-dir to another directory"
            ) from None
        self._written_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The newest state, or None where there is none; raises TrainingError if it is damaged."""
        if not self.path.exists():
            return None
        try:
            # Only tensors and plain values: a checkpoint is data, it must not run anything.
            state: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu")
            if state.pop("format") != _FORMAT:
                raise ValueError("it is of another release")
        except Exception as error:  # noqa: BLE001 - torch raises almost anything on a damaged file
            raise TrainingError(
                f"cannot read the checkpoint {self.path} ({error}): remove it, or start without "
                "--resume"
            ) from None
        return state

    def remove(self) -> None:
        """Forget the state: the training is over."""
        with suppress(OSError):
            remove_file(self.path)
