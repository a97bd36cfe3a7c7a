"""Step time of every registered objective relative to an mlm's, beside its ratio of FLOPs.

    python benchmarks/speed/objectives.py [--preset cpu] [--vocab-size 2048] [--rounds 6] [NAME ...]

One shape, default options; the contestants take turns in one process, with one thread and the
clock of the process on a CPU. `measured` is the mean over rounds with its 95% interval; `over` is
measured by FLOPs, and a `!` stands where a step takes more than 1.3 times what its FLOPs predict.
"""

import argparse

import numpy as np
from json_results import add_json_flag, write_json

from mae_bench.analysis.stats import mean_intervals
from mae_bench.contract.step_time import Contestant, flops_of, take_turns
from mae_bench.objectives.base import OBJECTIVES
from mae_bench.runner.devices import chosen_device
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec
from mae_bench.speeds import SpeedShape

SLOW = 1.3


def contestants(names: list[str]) -> list[Contestant]:
    """Return every trained objective, or mlm and those named, with default options."""
    return [
        Contestant(name, name, dict(kind.example))
        for name, kind in OBJECTIVES
        if kind.is_trained and (not names or name in [*names, "mlm"])
    ]


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--vocab-size", type=int, default=2048)
    parser.add_argument("--batch-rows", type=int, default=16)
    parser.add_argument("--row-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--device", default="auto")
    add_json_flag(parser)
    asked = parser.parse_args()
    keep_freed_memory()
    shape = SpeedShape(
        label=asked.preset,
        backbone=BackboneSpec(preset=asked.preset),
        vocab_size=asked.vocab_size,
        row_length=asked.row_length,
        batch_rows=asked.batch_rows,
    )
    chosen = contestants(asked.names)
    times = take_turns(
        chosen, shape, rounds=asked.rounds, device=chosen_device(asked.device),
        precision=asked.precision,
    )  # fmt: skip
    control = next(who for who in chosen if who.label == "mlm")
    print(
        f"{'objective':28}{'ms a step':>10}{'measured':>10}{'95% interval':>16}"
        f"{'FLOPs':>8}{'over':>7}"
    )
    rows = {}
    for who in chosen:
        ratios = np.array(times[who.label]) / np.array(times["mlm"])
        low, high = mean_intervals(ratios[:, None])
        flops = flops_of(who, shape) / flops_of(control, shape)
        span = f"[{low[0]:.2f}, {high[0]:.2f}]"
        over = ratios.mean() / flops
        rows[who.label] = {"ratio": ratios.mean(), "interval": [low[0], high[0]], "flops": flops}
        print(
            f"{who.label:28}{1000 * np.mean(times[who.label]):>10.1f}{ratios.mean():>10.2f}"
            f"{span:>16}{flops:>8.2f}{over:>7.2f}{' !' if over > SLOW else ''}"
        )
    settings = {name: value for name, value in vars(asked).items() if name != "json"}
    write_json(asked.json, settings | {"objectives": rows})


if __name__ == "__main__":
    main()
