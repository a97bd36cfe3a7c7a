"""Scores put together without rows, for simulations of verdicts."""

import numpy as np

from mae_bench.analysis.scores import Arm, Cell, Scores, Setting
from mae_bench.specs import CLEAN, ArmSpec, Study

SIZES = (20, 100, 400)


def at(size="all", **changes):
    """Return a setting of fine-tuning on so many labels."""
    return Setting(
        **{"protocol": "finetune", "train_size": size, "noise": CLEAN, "corpus_tokens": None}
        | changes
    )


def scores_of(values, metric="accuracy", failed=()):
    """Return scores of {(arm, setting): [S] values}; ``failed`` holds (arm, setting, seed)."""
    cells = {}
    for (arm, where), column in values.items():
        column = np.array(column, dtype=float)
        is_failed = np.zeros(len(column), dtype=bool)
        for number in range(len(column)):
            is_failed[number] = (arm, where, number) in failed
        column[is_failed] = np.nan
        size = where.train_size if isinstance(where.train_size, int) else 1000
        is_fine = np.zeros(len(column), dtype=bool)
        mean = float(np.nanmean(column))
        cells[arm, "sst2", where] = Cell(
            metric, column, mean, mean, mean, size, is_failed, is_fine, ((),) * len(column)
        )
    arms = dict.fromkeys(arm for arm, _ in values)
    return Scores(
        seeds=tuple(range(len(column))),
        arms=tuple(Arm(arm, arm.split(" ")[0], "trained") for arm in arms),
        tasks=("sst2",),
        settings=tuple(dict.fromkeys(where for _, where in values)),
        cells=cells,
    )


def study_of_claims(*claims, arms=("mlm", "mae"), seeds=6, **changes):
    """Return a study of these arms with the claims."""
    objectives = tuple(ArmSpec(objective=arm.split(" ")[0], label=arm) for arm in arms)
    fields = {"name": "small", "objectives": objectives, "tasks": ("sst2",), "claims": claims}
    return Study(**{**fields, "seeds": tuple(range(seeds)), "train_sizes": SIZES, **changes})
