"""How a target's number follows from the output of its script."""

from measuring import Output

MIN_STUDY_S = 60.0  # plans of shorter studies promise nothing


def pretraining_ratio(output: Output) -> float:
    """Return our best MLM over the best of the Trainer's."""
    speeds = output.numbers["speeds"]
    return _best(speeds, "mae-bench") / _best(speeds, "Trainer")


def finetunes_ratio(output: Output) -> float:
    """Return fine-tunes at once over the Trainer's one after another."""
    return min(line["over_trainer"] for line in output.numbers["lines"])


def _best(speeds: dict[str, float], text: str) -> float:
    return max(speed for name, speed in speeds.items() if text in name)


def card_ratio(preset: str, seeds: str):
    """Return a reading of `card_contest.py`: one preset, ``one seed`` or ``10 seeds``."""
    return lambda output: output.numbers["presets"][preset]["ratios"][seeds]


def utilisation(preset: str):
    """Return a reading of `utilisation.py`."""
    return lambda output: output.numbers["presets"][preset]["utilisation_ratio"]


def worst_over_flops(output: Output) -> float:
    """Return the largest time ratio over FLOPs ratio where the head takes under a third."""
    presets = output.numbers["presets"].values()
    return max(preset["over"] for preset in presets if preset["is_counted"])


def seeds_to_one(output: Output) -> float:
    """Return the worst time of k seeds at once over one seed, as `batched_seeds.py` prints it."""
    lines = [line.split() for line in output.printed.splitlines()]
    rows = [line for line in lines if len(line) > 9 and line[3].isdigit()]
    return max(float(row[8]) for row in rows)


def overhead(output: Output) -> float:
    """Return what the runner adds to the trainings."""
    if output.numbers["failed"]:
        raise ValueError(f"{output.numbers['failed']} stages failed")
    return output.numbers["overhead_ratio"]


def minutes(output: Output) -> float:
    """Return the minutes of a study that was run from prepared data to its end."""
    after, before = output.numbers["after"], output.numbers["before"]
    if after["done"] < after["stages"]:
        raise ValueError(f"{after['done']} of {after['stages']} stages done")
    if before["done"] > after["stages"] // 10:  # more than what `prepare` does
        raise ValueError(f"{before['done']} stages were done before; use a prepared home")
    return output.numbers["minutes"]


def tokenising_speed(output: Output) -> float:
    """Return our speed over that of datasets, whole, as `tokenising.py` prints it."""
    return _megabytes(output, "mae-bench, whole")[1] / _megabytes(output, "datasets, whole")[1]


def tokenising_memory(output: Output) -> float:
    """Return the gigabytes of memory (RSS) of our tokenising."""
    return _megabytes(output, "mae-bench, whole")[4] / 1000


def _megabytes(output: Output, start: str) -> list[float]:
    """Return seconds, MB/s, CPU seconds, MB a CPU second, RSS and PSS."""
    line = next(line for line in output.printed.splitlines() if line.startswith(start))
    return [float(word) for word in line[len(start) :].split()[:6]]


def worst_estimate(output: Output) -> float:
    """Return how far off the worst plan of a study over a minute is, as `estimates.py` prints it.

    Of CPU, which holds where other work shares the machine.
    """
    return _worst_ratio(output, seconds=6, ratio=7)


def worst_wall_estimate(output: Output) -> float:
    """Return the same of wall time."""
    return _worst_ratio(output, seconds=3, ratio=4)


def _worst_ratio(output: Output, *, seconds: int, ratio: int) -> float:
    """Return how far from 1 a ratio is at most, by the columns of it and of what was measured."""
    rows = [line.split("|")[1:-1] for line in output.printed.splitlines() if line[:1] == "|"]
    ratios = [float(row[ratio]) for row in rows[2:] if float(row[seconds]) >= MIN_STUDY_S]
    if not ratios:
        raise ValueError(f"no study took {MIN_STUDY_S:.0f} s; name longer ones by --only")
    return max(abs(ratio - 1) for ratio in ratios)


def num_points(output: Output) -> float:
    """Return how many points of a figure were measured."""
    return sum(line.strip()[:1].isalpha() for line in output.printed.splitlines()) - 1
