"""Trainings that are the same whatever number of ranks shares them, and a program that is a rank.

    python rank_cases.py STORE NUMBER SIZE FOLDER CASE...

is one rank of the named trainings, found by the others through the file STORE; torchrun says all
three itself (``- - -``). A case is ``mlm``, ``mlm/2`` in two micro-batches a rank, ``mlm@fsdp`` in
shards, or ``mlm!``, in which the last rank dies after six steps.
"""

import os
import signal
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from small_blocks import BACKBONE, run_pretraining, write_blocks

import mae_bench.pretraining.pretrain as loop
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.rank_step import RankStep
from mae_bench.pretraining.ranks import ALONE, DataParallel, ShardedRanks

ROWS, BATCH = 24, 8  # three steps an epoch, and rows for four ranks of two micro-batches
DEEP = BACKBONE.model_copy(update={"num_layers": 2})
LOST_AT = 6
PATIENCE = timedelta(minutes=10)  # after which a test fails that else would never end
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


def write_rows(folder):
    """Write the rows that the cases train on."""
    for is_padded in (True, False):
        write_blocks(_rows(folder, is_padded) / "blocks", rows=ROWS, is_padded=is_padded)
    return folder


def train(folder, case, ranks=ALONE, name=None, **given):
    """Run a case, of the rows in ``folder``; return its checkpoint."""
    objective, options, is_padded = CASES[case]
    given = {"backbone": DEEP, "batch_rows": BATCH} | given
    rows = _rows(folder, is_padded)
    return run_pretraining(rows, objective, options, name=name or case, ranks=ranks, **given)


def name_of(case, size):
    """Return the name of the checkpoint of a case on so many ranks."""
    return f"{case.rstrip('!').replace('/', '-')}-{size}"


@contextmanager
def joined(store, number, size):
    """Be a rank of those that meet at a store; yield what makes the ranks of a case."""
    dist.init_process_group("gloo", store=store, rank=number, world_size=size, timeout=PATIENCE)
    try:
        yield lambda case: (ShardedRanks if "@fsdp" in case else DataParallel)(
            store, dist.group.WORLD, case
        )
    finally:
        dist.destroy_process_group()


def be_rank(store, number, size, folder, cases):
    with joined(store, number, size) as ranks_of:
        for case in cases:
            ranks = ranks_of(case)
            if "/2" in case:
                halve(ranks)
            if case.endswith("!"):
                loop.SAVE_EVERY_S = -1.0
                if ranks.number == size - 1:
                    die_at(LOST_AT)
            plain = case.rstrip("!").partition("/")[0].partition("@")[0]
            train(folder, plain, ranks, name_of(case, size))


def halve(ranks):
    """Have every later step take half of a rank's rows at once."""
    split = RankStep.split

    def halved(self, index):
        self.micro_rows = BATCH // ranks.size // 2
        return split(self, index)

    RankStep.split = halved


def die_at(step):
    """Have this process die, as by the kernel, where it asks for the rows of a step."""
    at = Batches.at

    def dies(self, number):
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return at(self, number)

    Batches.at = dies


def _rows(folder, is_padded):
    return Path(folder) / ("padded" if is_padded else "packed")


def main(path, number, size, folder, *cases):
    from torch.distributed.rendezvous import rendezvous

    torch.set_num_threads(1)
    if path == "-":
        store, number, size = next(rendezvous("env://", timeout=PATIENCE))
    else:
        store = dist.FileStore(path, int(size))
    be_rank(store, int(number), int(size), folder, cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
