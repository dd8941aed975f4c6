"""The numbers that layers are multiplied in; see training.backpropagation."""

from typing import Literal

import torch

PrecisionName = Literal["float32", "bfloat16"]

# None: the parameters' own.
PRECISIONS: dict[PrecisionName, torch.dtype | None] = {
    "float32": None,
    "bfloat16": torch.bfloat16,
}
