"""What an objective whose seeds are trained as one program must keep to."""

from dataclasses import replace
from math import isclose

import torch

from mae_bench.contract.fixtures import Fixture, draws, rows
from mae_bench.contract.views import hold
from mae_bench.objectives.view_tensors import stacked, with_filling
from mae_bench.pretraining.batchable import why_not_stacked
from mae_bench.pretraining.stacked import StackedObjective

TOLERANCE = 1e-4  # relative, of a loss in fp32


def check_batched(case: Fixture) -> None:
    """Where seeds may be trained as one program, each has the loss that it has alone."""
    seeds = [case.make(seed).train() for seed in (0, 1)]
    if why_not_stacked(case.kind, seeds[0].options):
        return
    for is_padded in (False, True):
        views = [
            with_filling(each.corrupt(rows(is_padded), replace(draws(), seed=each.seed)))
            for each in seeds
        ]
        with torch.no_grad():
            alone = [float(each(view).loss) for each, view in zip(seeds, views, strict=True)]
            together = StackedObjective(seeds)(stacked(views)).loss.tolist()
        for seed, one, other in zip(seeds, alone, together, strict=True):
            hold(
                isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-6),
                f"the loss of seed {seed.seed} is {one:.6g} alone and {other:.6g} beside another "
                "seed under torch.func.vmap; let forward read nothing but the view, the options, "
                "parameters and buffers, or say in why_not_batched why it does",
            )
