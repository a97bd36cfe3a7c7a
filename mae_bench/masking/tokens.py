"""Schemes that hide tokens one by one.

Legend: B rows, L positions, T maskable tokens of a row, M of them hidden.
"""

import math

import torch
from torch import Tensor

from mae_bench.masking.schemes import Context, scheme


@scheme("random", "each maskable token alike", "Devlin et al. 2019, arXiv:1810.04805")
def random(context: Context) -> Tensor:
    """Every subset of the wanted size is equally likely: each token with the mask ratio."""
    return context.draws.uniform("which", context.ids.shape[1])


@scheme(
    "frequency",
    "rare tokens more often, by 1 / count^rarity",
    "Lample & Conneau 2019, arXiv:1901.07291",
    parameters=("rarity",),
    needs_lexicon=True,
)
def frequency(context: Context) -> Tensor:
    """Draw tokens one after another, each with odds w = (count + 1)^-rarity among those left.

    Marginals: exactly those of successive draws, which keep the order of the weights. They are
    near M w / sum(w) where that is small for every token of a row, and level out as M nears T.
    With rarity 0 they are those of ``random``, and so are the hidden tokens. Counts are of the
    training rows. Drawn by exponential keys, the M smallest of -log(u) / w (Efraimidis & Spirakis
    2006, doi:10.1016/j.ipl.2005.11.003), so exactly M are hidden; the paper draws with w at
    rarity 1/2.
    """
    assert context.lexicon is not None
    counts = context.lexicon.counts[context.ids].double()
    draw = context.draws.uniform("which", context.ids.shape[1]).double()
    # 1 - u is as uniform as u, and never 0
    return -torch.log1p(-draw) * (counts + 1) ** context.masking.rarity


@scheme(
    "non_adjacent",
    "no two neighbours; every such subset alike",
    "selections without neighbours: Kaplansky 1943, Bull. Amer. Math. Soc. 49",
    max_ratio=0.5,
)
def non_adjacent(context: Context) -> Tensor:
    """Every subset of the wanted size without two neighbours is equally likely.

    Marginals: the i-th of T tokens, from 1, is hidden with the chance
    sum over a = 0..M-1 of C(i-1-a, a) C(T-M-i+1+a, M-1-a) / C(T-M+1, M), where a tokens are hidden
    before it; C(n, 0) = 1, and C(n, k) = 0 for n < k. That is M / (T - M + 1) at both ends, more
    than the mask ratio; inwards they swing about it and settle. Their mean is M / T exactly.
    M of T - M + 1 slots are drawn, and the k-th of them is moved on by k - 1 positions.
    """
    is_maskable = context.is_maskable
    length = is_maskable.shape[1]
    rank = is_maskable.long().cumsum(1) - 1
    total = is_maskable.sum(1, keepdim=True)
    wanted = torch.minimum(context.wanted.long(), (total + 1) // 2)  # check_masking allows no more
    is_slot = is_maskable & (rank <= total - wanted)
    draw = context.draws.uniform("which", length).masked_fill(~is_slot, math.inf)
    order = torch.argsort(draw, dim=1, stable=True)
    is_drawn = torch.argsort(order, dim=1, stable=True) < wanted
    moved = rank + is_drawn.long().cumsum(1) - 1
    spare = torch.zeros(len(rank), length + 1, dtype=torch.bool, device=rank.device)
    is_hidden = spare.scatter(1, torch.where(is_drawn, moved, length), True)
    return (~is_hidden.gather(1, rank.clamp(min=0))).double()
