"""Half precision where the hardware has it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from mae_bench.specs import Precision


def resolve_precision(precision: Precision, device: str) -> Literal["fp32", "bf16"]:
    """Return what ``auto`` means on a device: bf16 where its matrix products are in hardware."""
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if has_bf16() else "fp32"


def autocast(device: str, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which forward passes run; weights and optimizer stay fp32."""
    if resolve_precision(precision, device) == "fp32":
        return nullcontext()
    return torch.autocast(device.split(":")[0], torch.bfloat16)
