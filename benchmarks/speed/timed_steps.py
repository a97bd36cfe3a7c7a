"""Training steps as a pretraining makes them, timed in turns on full rows of random tokens."""

from collections.abc import Callable, Mapping

import numpy as np
from compiling import clocked

from mae_bench.costs import StepShape
from mae_bench.data.blocks import Blocks
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import BackboneSpec

FIRST = 8  # steps that warm up, and in which a way records or compiles


def full_rows(count: int, length: int, vocab_size: int) -> Blocks:
    """Return rows without pads, and a few for validation."""
    random = np.random.default_rng(0)
    rows = random.integers(NUM_SPECIAL, vocab_size, (count, length)).astype(np.uint16)
    rows[:, 0], rows[:, -1] = CLS_ID, SEP_ID
    return Blocks(rows, rows[:16], length, vocab_size, rows.size, False, 7.0, count, 0)


def seconds_in_turns(
    steppers: Mapping[str, Callable[[int, float], object]], device: str, rounds: int, steps: int
) -> dict[str, float]:
    """Return the seconds of a step in each one's best round; the clock is that of `clocked`."""
    for stepper in steppers.values():
        clocked(stepper, device, 0, FIRST)
    best = dict.fromkeys(steppers, float("inf"))
    for turn in range(rounds):
        for name, stepper in steppers.items():
            took = clocked(stepper, device, FIRST + turn * steps, steps) / steps
            best[name] = min(best[name], took)
    return best


def flops_of(objective: str, options: Mapping[str, object], preset: str, data: Blocks, rows: int):
    """Return the operations of a step on so many rows, by where they go."""
    spec = BackboneSpec(preset=preset, max_length=data.row_length)
    shape = StepShape(spec, rows, data.row_length, data.vocab_size)
    return OBJECTIVES.get(objective).flops_per_step(parse_options(objective, options), shape)
