"""Hidden tokens dealt into sets that are predicted apart.

Legend: B rows, L positions, M hidden positions a row, K sets.
"""

import torch
from torch import Tensor

from mae_bench.errors import SpecError
from mae_bench.masking.hidden import Hidden, num_hidden
from mae_bench.masking.ratios import MaskRatio, extremes


def in_sets(hidden: Hidden, draw: Tensor, num_sets: int) -> Hidden:
    """Return hidden positions in an order whose K parts by `torch.tensor_split` are random sets.

    Every row's targets are dealt evenly; what fills a short row's list comes last in its set.

    Args:
        hidden: of the rows.
        draw: [B, L] uniform draws of the step.
        num_sets: K.
    """
    rank = draw.gather(1, hidden.positions)
    if hidden.is_target is not None:
        rank = torch.where(hidden.is_target, rank, 2.0)
    order = torch.argsort(rank, dim=1, stable=True)
    count = order.shape[1]
    device = order.device
    dealt = torch.cat([torch.arange(i, count, num_sets, device=device) for i in range(num_sets)])
    order = order[:, dealt]
    is_target = None if hidden.is_target is None else hidden.is_target.gather(1, order)
    return Hidden(hidden.positions.gather(1, order), hidden.kept, is_target)


def check_sets(num_sets: int, ratio: MaskRatio, row_length: int) -> None:
    """Raise SpecError where a full row hides fewer tokens than there are sets."""
    fewest = num_hidden(row_length, extremes(ratio)[0])
    if num_sets > fewest:
        raise SpecError(
            f"target_sets {num_sets} is more than the {fewest} tokens that a row hides; it must be "
            "at most that many: lower it or raise mask_ratio"
        )
