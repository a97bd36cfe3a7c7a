"""Seconds of a training step, one by one and recorded: what `--compile` is worth on a machine.

    python benchmarks/speed/compiling.py [--device cpu] [--presets tiny small]

Rows of 64 tokens, a third of them padded, batches of 32; the ways take turns, the best round
counts. On a CPU the clock is that of the process, with one thread. `first s`: seconds of the first
eight steps by the wall: warm-up, compilation, recording.
"""

import argparse
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from json_results import add_json_flag, write_json

from mae_bench.data.blocks import Blocks
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.compiling import make_stepper
from mae_bench.pretraining.row_order import RowOrder
from mae_bench.pretraining.step import Step
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec, PretrainRecipe
from mae_bench.training.optim import make_optimizer
from mae_bench.training.precision import resolve_precision

LENGTH, VOCAB, ROWS, FIRST, STEPS, ROUNDS = 64, 2048, 512, 8, 10, 4


def main() -> None:
    """Print milliseconds a step by preset, objective and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--presets", nargs="+", default=["tiny", "small"])
    parser.add_argument("--objectives", nargs="+", default=["mlm", "mae"])
    add_json_flag(parser)
    arguments = parser.parse_args()
    device = arguments.device
    keep_freed_memory()
    torch.set_num_threads(1)
    ways = ("off", "inductor") if device == "cpu" else ("off", "graph", "inductor")
    print(f"{resolve_precision('auto', device)}, torch {torch.__version__}")
    print(
        f"{'preset':>8} {'objective':>9} {'way':>9} {'ms':>8} {'ratio':>6} {'first s':>8}  ran as"
    )
    rows = []
    for preset in arguments.presets:
        for objective in arguments.objectives:
            steppers = {way: stepper_of(objective, preset, device, way) for way in ways}
            first = {
                way: clocked(stepper, device, 0, FIRST, time.perf_counter)
                for way, stepper in steppers.items()
            }
            best = dict.fromkeys(ways, float("inf"))
            for turn in range(ROUNDS):
                for way, stepper in steppers.items():
                    start = FIRST + turn * STEPS
                    seconds = clocked(stepper, device, start, STEPS)
                    best[way] = min(best[way], seconds / STEPS)
            for way, stepper in steppers.items():
                print(
                    f"{preset:>8} {objective:>9} {way:>9} {best[way] * 1e3:>8.2f} "
                    f"{best['off'] / best[way]:>6.2f} {first[way]:>8.1f}  {stepper.how}"
                )
                rows.append({
                    "preset": preset, "objective": objective, "way": way, "step_s": best[way],
                    "first_s": first[way], "ran_as": stepper.how,
                })  # fmt: skip
    write_json(arguments.json, {"device": device, "rows": rows})


def stepper_of(
    objective: str,
    preset: str,
    device: str,
    way: str,
    *,
    data: Blocks | None = None,
    options: Mapping[str, object] | None = None,
    precision: str = "auto",
    batch_rows: int = PretrainRecipe().batch_rows,
):
    """Return what makes the steps of a corpus; without one, of a small one of random rows."""
    data = corpus() if data is None else data
    precision = resolve_precision(precision, device)
    recipe = PretrainRecipe(batch_rows=batch_rows, precision=precision)
    spec = BackboneSpec(preset=preset, max_length=data.row_length)
    kind, parsed = OBJECTIVES.get(objective), parse_options(objective, dict(options or {}))
    made = kind(build_backbone(spec, data.vocab_size, 0), spec, parsed, seed=0)
    made = to_device(made, device).train()
    optimizer = make_optimizer(
        made.named_parameters(), lr=recipe.peak_lr, weight_decay=recipe.weight_decay
    )
    requires = kind.requires(parsed)
    order = RowOrder(len(data.rows), recipe.batch_rows, 0)
    batches = Batches(data, order, device, requires.least_tokens(data.row_length))
    return make_stepper(Step(made, optimizer, batches, recipe, 0, requires), way)


def corpus() -> Blocks:
    """Return random rows of which a third are shorter."""
    random = np.random.default_rng(0)
    rows = random.integers(NUM_SPECIAL, VOCAB, (ROWS, LENGTH)).astype(np.uint16)
    rows[:, 0], rows[:, -1] = CLS_ID, SEP_ID
    for row in range(0, ROWS, 3):
        end = int(random.integers(LENGTH // 4, LENGTH - 1))
        rows[row, end:], rows[row, end] = PAD_ID, SEP_ID
    return Blocks(rows, rows[:0], LENGTH, VOCAB, ROWS * LENGTH, True, 7.0, ROWS, 0)


def clocked(
    stepper, device: str, start: int, steps: int, clock: Callable[[], float] | None = None
) -> float:
    """Return the seconds of some steps, on a CPU those of the process unless a clock is given."""
    clock = clock or (time.process_time if device == "cpu" else time.perf_counter)
    if device != "cpu":
        torch.cuda.synchronize()
    started = clock()
    for number in range(start, start + steps):
        stepper(number, 0.5)
    if device != "cpu":
        torch.cuda.synchronize()
    return clock() - started


if __name__ == "__main__":
    main()
