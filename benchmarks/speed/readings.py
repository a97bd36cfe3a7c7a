"""How a target's number follows from those that its script writes by ``--json``."""

from typing import Any

Numbers = Any  # as JSON has them

MIN_STUDY_S = 60.0  # plans of shorter studies promise nothing


def pretraining_ratio(numbers: Numbers) -> float:
    """Return our best MLM over the best of the Trainer's."""
    speeds = numbers["speeds"]
    return _best(speeds, "mae-bench") / _best(speeds, "Trainer")


def finetunes_ratio(numbers: Numbers) -> float:
    """Return fine-tunes at once over the Trainer's one after another."""
    return min(line["over_trainer"] for line in numbers["lines"])


def _best(speeds: dict[str, float], text: str) -> float:
    return max(speed for name, speed in speeds.items() if text in name)


def card_ratio(preset: str, seeds: str):
    """Return a reading of `card_contest.py`: one preset, ``one seed`` or ``10 seeds``."""
    return lambda numbers: numbers["presets"][preset]["ratios"][seeds]


def utilisation(preset: str):
    """Return a reading of `utilisation.py`."""
    return lambda numbers: numbers["presets"][preset]["utilisation_ratio"]


def worst_over_flops(numbers: Numbers) -> float:
    """Return the largest time ratio over FLOPs ratio where the head takes under a third."""
    presets = numbers["presets"].values()
    return max(preset["over"] for preset in presets if preset["is_counted"])


def seeds_to_one(numbers: Numbers) -> float:
    """Return the worst time of k seeds at once over one seed."""
    return max(line["to_one"] for line in numbers["lines"])


def overhead(numbers: Numbers) -> float:
    """Return what the runner adds to the trainings."""
    if numbers["failed"]:
        raise ValueError(f"{numbers['failed']} stages failed")
    return numbers["overhead_ratio"]


def minutes(numbers: Numbers) -> float:
    """Return the minutes of a study that was run from prepared data to its end."""
    after, before = numbers["after"], numbers["before"]
    if after["done"] < after["stages"]:
        raise ValueError(f"{after['done']} of {after['stages']} stages done")
    if before["done"] > after["stages"] // 10:  # more than what `prepare` does
        raise ValueError(f"{before['done']} stages were done before; use a prepared home")
    return numbers["minutes"]


def tokenising_speed(numbers: Numbers) -> float:
    """Return our speed over that of datasets, whole."""
    return numbers["theirs"]["whole_s"] / numbers["ours"]["whole_s"]


def tokenising_memory(numbers: Numbers) -> float:
    """Return the gigabytes of memory (RSS) of our tokenising."""
    return numbers["ours"]["rss_mb"] / 1000


def worst_estimate(numbers: Numbers) -> float:
    """Return how far off the worst plan of a study over a minute is.

    Of CPU, which holds where other work shares the machine.
    """
    return _worst_ratio(numbers, "cpu")


def worst_wall_estimate(numbers: Numbers) -> float:
    """Return the same of wall time."""
    return _worst_ratio(numbers, "wall")


def _worst_ratio(numbers: Numbers, clock: str) -> float:
    """Return how far from 1 promised over measured seconds of a clock are at most."""
    pairs = [(study[f"promised_{clock}_s"], study[f"{clock}_s"]) for study in numbers["studies"]]
    ratios = [promised / measured for promised, measured in pairs if measured >= MIN_STUDY_S]
    if not ratios:
        raise ValueError(f"no study took {MIN_STUDY_S:.0f} s; name longer ones by --only")
    return max(abs(ratio - 1) for ratio in ratios)


def num_points(numbers: Numbers) -> float:
    """Return how many points of a figure were measured."""
    return len(numbers["points"])
