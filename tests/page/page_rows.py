"""The rows of the report that the browser opens."""

import numpy as np
from report_rows import floor_rows, row

from mae_bench.results import frame

EVIL = "=1+1 </script><img src=x onerror=window.isHit=1>"
ARMS = ("random_init", "mlm", "mae", "simcse", EVIL)
TASKS = ("sst2", "trec")
SIZES = (200, 50)
SEEDS = tuple(range(8))


def report_rows():
    """Return rows in which arms win here and lose there, one fails, and one collapses."""
    generator = np.random.default_rng(0)
    gains = {  # by arm: of each task with 200 labels, then with 50
        "random_init": (-0.2, -0.2, -0.1, -0.1),
        "mlm": (0.0, 0.0, 0.0, 0.0),
        "mae": (0.06, -0.05, 0.07, 0.001),
        "simcse": (0.002, 0.08, -0.06, 0.0),
        EVIL: (0.03, 0.03, 0.03, 0.03),
    }
    rows = []
    for rank, arm in enumerate(ARMS):
        shift = iter(gains[arm])
        for size in SIZES:
            for task in TASKS:
                centre = 0.6 + next(shift)
                for seed in SEEDS:
                    value = centre + generator.normal(0, 0.008)
                    costs = {
                        "pretrain_tokens": 1_000_000 + rank,
                        "pretrain_flops": 1e12 * (rank + 1),
                        "pretrain_s": 60.0 * (rank + 1),
                        "pretrain_id": f"{rank}-{seed}",
                    }
                    is_lost = arm == "simcse" and task == "trec" and seed == 3 and size == 50
                    rows.append(
                        row(arm, None if is_lost else value, seed, task)
                        | {"objective": "distill" if arm == EVIL else arm}
                        | ({} if arm == "random_init" else costs)
                        | {
                            "train_size": str(size),
                            "n_train": size,
                            "is_collapsed": arm == "mae" and seed == 5 and task == "sst2",
                        }
                    )
    for task in TASKS:
        for size in SIZES:
            floor = floor_rows([0.5] * len(SEEDS), task)
            rows += [one | {"train_size": str(size), "n_train": size} for one in floor]
    return frame(rows)
