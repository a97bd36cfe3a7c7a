"""Which attention kernel suits a device."""

from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def to_device(module: Module, device: str, *, moves: bool = True) -> Module:
    """Move a module to a device and choose the attention kernel that is fastest there.

    On a CPU the fused kernel's backward pass costs more than the rest of a small encoder:
    a bf16 training step of 2x128 on 64 tokens runs 1.3 times as fast with the plain one
    (`benchmarks/speed/attention.py`). A GPU keeps torch's own choice. Without ``moves`` the module
    stays where it is, to be moved in shards.
    """
    from transformers import PreTrainedModel

    kernel = "eager" if torch.device(device).type == "cpu" else "sdpa"
    for part in module.modules():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation(kernel)
    return module.to(device) if moves else module
