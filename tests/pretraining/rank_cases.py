"""Trainings that are the same whatever number of ranks shares them, and a program that is a rank.

    python rank_cases.py STORE NUMBER SIZE FOLDER PARALLEL CASE...

As a program it is one rank of the named trainings, found by the others through the file STORE; by
torchrun it needs no STORE, NUMBER and SIZE (``-``).
"""

import os
import sys
from pathlib import Path

from small_blocks import BACKBONE, run_pretraining, write_blocks

ROWS, BATCH = 24, 8  # three steps an epoch, and rows for four ranks of two micro-batches
DEEP = BACKBONE.model_copy(update={"num_layers": 2})
CASES = {  # objective, options, whether its rows are padded
    "mlm": ("mlm", {}, True),
    "mae": ("mae", {}, True),
    "simcse": ("simcse", {"view": "spans", "mlm_weight": 0.5}, True),
    "contrastive": ("contrastive", {"view": "cutoff"}, True),
    "covariance": ("mae", {"variance_weight": 0.5, "covariance_weight": 0.5}, True),
    "mixture": ("mixture", {"parts": {"mlm": {}, "contrastive": 0.3, "rtd": 0.5}}, True),
    "average": ("mae", {"target": "ema_features"}, True),
    "phases": ("phases", {"steps": {"mae": 0.5, "contrastive": 0.5}}, True),
    "packed": ("rtd", {}, False),
}


def train(folder, case, ranks=None, *, name=None, **given):
    """Run a case in ``folder``, which has rows of both kinds; return its checkpoint."""
    from mae_bench.pretraining.ranks import ALONE

    objective, options, is_padded = CASES[case]
    return run_pretraining(
        folder / ("padded" if is_padded else "packed"),
        objective,
        options,
        name=name or case,
        backbone=DEEP,
        batch_rows=BATCH,
        ranks=ranks or ALONE,
        **given,
    )


def write_rows(folder):
    """Write the rows that the cases train on."""
    for name, is_padded in (("padded", True), ("packed", False)):
        write_blocks(folder / name / "blocks", rows=ROWS, is_padded=is_padded)
    return folder


def join_ranks(store, number, size, parallel="ddp"):
    """Join the ranks that meet at a store, and return what a training takes."""
    import torch.distributed as dist

    from mae_bench.pretraining.ranks import FOREVER, DataParallel, ShardedRanks

    dist.init_process_group("gloo", store=store, rank=number, world_size=size, timeout=FOREVER)
    kind = ShardedRanks if parallel == "fsdp" else DataParallel
    return kind(store, dist.group.WORLD)


def main(path, number, size, folder, parallel, *cases):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    if path == "-":
        store, number, size = next(dist.rendezvous("env://"))
    else:
        store = dist.FileStore(path, int(size))
    ranks = join_ranks(store, int(number), int(size), parallel)
    for case in cases:
        name, _, halves = case.partition("/")
        micro = {"micro_rows": BATCH // ranks.size // 2} if halves else {}
        with forced(**micro):
            train(Path(folder), name, ranks, name=f"{case.replace('/', '-')}-{size}-{parallel}")
    dist.destroy_process_group()


def forced(micro_rows=None):
    """Have every step take at most so many rows at once."""
    from contextlib import contextmanager

    import mae_bench.pretraining.rank_step as rank_step

    @contextmanager
    def block():
        make = rank_step.RankStep.split
        if micro_rows is not None:

            def split(self, index):
                self.micro_rows = micro_rows
                return make(self, index)

            rank_step.RankStep.split = split
        try:
            yield
        finally:
            rank_step.RankStep.split = make

    return block()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*sys.argv[1:])
