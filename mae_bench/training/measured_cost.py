"""What a forward pass of an unregistered encoder costs: counted once, on the meta device.

Torch counts the matrix products (`torch.utils.flop_counter`) of an encoder without weights. They
are a polynomial of the second degree in the length of a row, and so three lengths tell all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache

from mae_bench.model.older_transformers import follow_later

LENGTHS = (16, 32, 48)
CHECK = 40  # a fourth length, which must lie on the curve


@dataclass(frozen=True)
class MeasuredCost:
    """Operations of a row of S tokens: ``a + b S + c S^2``; a multiply-add is two."""

    coefficients: tuple[float, float, float]

    def forward(self, rows: int, length: int) -> float:
        """Return the operations of one forward pass over rows of a length."""
        a, b, c = self.coefficients
        return rows * (a + b * length + c * length**2)


def measure_cost(config: Any) -> MeasuredCost | None:
    """Return the cost of the encoder that a transformers config describes.

    None where it cannot be counted: an unknown number is never made up.
    """
    key = str(config.to_json_string(use_diff=False))
    if key not in _measured:
        _measured[key] = _measure(config)
    return _measured[key]


def _measure(config: Any) -> MeasuredCost | None:
    try:
        with torch.device("meta"):
            from transformers import AutoModel

            model = follow_later(AutoModel.from_config(config).eval())
            if getattr(config, "is_encoder_decoder", False):
                model = model.get_encoder()
            counts = [_count(model, length) for length in (*LENGTHS, CHECK)]
    except Exception:  # whatever its code asks of weights that are not there
        return None
    a, b, c = np.linalg.solve(np.vander(LENGTHS, increasing=True), counts[:-1])
    cost = MeasuredCost((float(a), float(b), float(c)))
    is_on_curve = abs(cost.forward(1, CHECK) - counts[-1]) <= 1e-6 * counts[-1]
    return cost if is_on_curve and counts[-1] > 0 else None


def _count(model: torch.nn.Module, length: int) -> float:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.zeros(1, length, dtype=torch.long)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(input_ids=ids)
    return float(counter.get_total_flops())


_measured: LRUCache[str, MeasuredCost | None] = LRUCache(64)
