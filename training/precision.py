"""The numbers that layers are multiplied in."""

from typing import Literal

import torch

PrecisionName = Literal["float32", "bfloat16"]

PRECISIONS: dict[PrecisionName, torch.dtype | None] = {
    "float32": None,
    "bfloat16": torch.bfloat16,
}
