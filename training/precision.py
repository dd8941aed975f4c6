"""The numbers that layers are multiplied in; see training.backpropagation."""

from typing import Literal

import torch

PrecisionName = Literal["auto", "float32", "bfloat16"]

# None: the parameters' own.
PRECISIONS: dict[PrecisionName, torch.dtype | None] = {
    "float32": None,
    "bfloat16": torch.bfloat16,
}


def pick_precision(name: PrecisionName, device: torch.device) -> PrecisionName:
    """What "auto" stands for on `device`: bfloat16 where it is the faster of the two.

    A processor without instructions for it takes several times as long as for float32.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    known = torch.cpu.get_capabilities()
    return "bfloat16" if known.get("avx512_bf16") or known.get("amx_bf16") else "float32"
