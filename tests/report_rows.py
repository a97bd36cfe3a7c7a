"""Rows written by hand, for the tests of the analysis."""

from mae_bench.results import frame
from mae_bench.specs import ArmSpec, Study

SEEDS = (0, 1, 2, 3, 4, 5)


def small_study(arms=("mlm", "mae"), tasks=("sst2",), **changes):
    """Return a study of these arms; the label is the objective."""
    objectives = tuple(ArmSpec(objective=arm.split(" ")[0], label=arm) for arm in arms)
    return Study(**{"name": "small", "objectives": objectives, "tasks": tasks, **changes})


def row(arm, value, seed=0, task="sst2", **changes):
    """Return one primary row as a dict."""
    is_failure = value is None
    return {
        "study": "small",
        "arm": arm,
        "objective": arm.split(" ")[0],
        "is_floor": False,
        "protocol": "finetune",
        "task": task,
        "metric": "accuracy",
        "is_primary": True,
        "train_size": "all",
        "n_train": 400,
        "noise": "clean",
        "noise_rate": 0.0,
        "noise_where": "test",
        "seed": seed,
        "value": value,
        "failure": "DivergedError: loss is nan" if is_failure else None,
        "is_collapsed": False,
        "collapse": "",
        **changes,
    }


def floor_rows(values, task="sst2"):
    """Return the rows of the majority class."""
    kind = {"objective": "majority", "is_floor": True, "protocol": "majority"}
    return [row("majority class", v, seed, task, **kind) for seed, v in enumerate(values)]


def table(values, task="sst2", **changes):
    """Return a frame from {arm: [value of seed 0, of seed 1, ...]}; None is a failure."""
    return frame(
        [
            row(arm, value, seed, task, **changes)
            for arm, column in values.items()
            for seed, value in enumerate(column)
        ]
    )
