"""Step time of MAE 50% with one decoder layer against MLM 15%, over their ratio of FLOPs.

    python benchmarks/speed/mae_and_mlm.py [--device cuda] [--presets small compact base]

1.00 means that a step takes what the cost formula says. Where the vocabulary head takes a third or
more of an MLM's FLOPs, the two differ in little else than the head, and the line is marked. Steps
are those of a pretraining, run as `--compile` says; the two take turns, the best round counts.
"""

import argparse

import torch
from compiling import stepper_of
from json_results import add_json_flag, write_json
from timed_steps import flops_of, full_rows, seconds_in_turns

from mae_bench.runner.memory import keep_freed_memory

MLM = ("mlm", {"mask_ratio": 0.15})
MAE = ("mae", {"mask_ratio": 0.5, "decoder_layers": 1})
ROWS = {"cpu": 16, "cuda": 128}
MOST_HEAD_RATIO = 1 / 3


def main() -> None:
    """Print a line for each preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=ROWS)
    parser.add_argument("--presets", nargs="+", default=["small", "compact", "base"])
    parser.add_argument("--compile", default="auto")
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--rows", type=int, help="of a step")
    parser.add_argument("--row-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    add_json_flag(parser)
    asked = parser.parse_args()
    keep_freed_memory()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    rows = asked.rows or ROWS[asked.device]
    data = full_rows(2 * rows, asked.row_length, asked.vocab_size)
    heads = "".join(f"{name:>9}" for name in ("mlm ms", "mae ms", "time", "FLOPs", "over", "head"))
    print(f"{'preset':>8}{heads}  ran as")
    seen = {}
    for preset in asked.presets:
        steppers = {
            name: stepper_of(
                name, preset, asked.device, asked.compile,
                data=data, options=options, batch_rows=rows,
            )
            for name, options in (MLM, MAE)
        }  # fmt: skip
        took = seconds_in_turns(steppers, asked.device, asked.rounds, asked.steps)
        flops = {name: flops_of(name, options, preset, data, rows) for name, options in (MLM, MAE)}
        time_ratio = took["mae"] / took["mlm"]
        flops_ratio = flops["mae"].total / flops["mlm"].total
        head = flops["mlm"].head / flops["mlm"].total
        seen[preset] = {
            "time_ratio": time_ratio, "flops_ratio": flops_ratio, "over": time_ratio / flops_ratio,
            "head_ratio": head, "is_counted": head < MOST_HEAD_RATIO,
            "step_s": took, "ran_as": {name: stepper.how for name, stepper in steppers.items()},
        }  # fmt: skip
        ran_as = " and ".join(dict.fromkeys(stepper.how for stepper in steppers.values()))
        print(
            f"{preset:>8}{1e3 * took['mlm']:>9.1f}{1e3 * took['mae']:>9.1f}{time_ratio:>9.2f}"
            f"{flops_ratio:>9.2f}{time_ratio / flops_ratio:>9.2f}{head:>9.0%}  {ran_as}"
            f"{'' if head < MOST_HEAD_RATIO else ' (the head takes a third or more)'}",
            flush=True,
        )
    write_json(asked.json, {"device": asked.device, "rows": rows, "presets": seen})


if __name__ == "__main__":
    main()
