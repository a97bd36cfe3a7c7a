"""Training steps as a pretraining makes them, timed in turns on full rows of random tokens."""

import argparse
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from json_results import add_json_flag

from mae_bench.costs import StepShape
from mae_bench.data.blocks import Blocks
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec

FIRST = 8  # steps that warm up, and in which a way records or compiles


def step_flags(
    description: str, devices: Iterable[str], presets: Sequence[str]
) -> argparse.ArgumentParser:
    """Return a parser of what every benchmark of steps on full rows asks."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", choices=devices)
    parser.add_argument("--presets", nargs="+", default=presets)
    parser.add_argument("--compile", default="auto")
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--rows", type=int, help="of a step")
    parser.add_argument("--steps", type=int, default=10)
    add_json_flag(parser)
    return parser


def get_ready(device: str) -> None:
    """Set malloc as a run does; on a CPU take one thread, which is what `clocked` counts."""
    keep_freed_memory()
    if device == "cpu":
        torch.set_num_threads(1)


def full_rows(count: int, length: int, vocab_size: int) -> Blocks:
    """Return rows without pads, and a few for validation."""
    random = np.random.default_rng(0)
    rows = random.integers(NUM_SPECIAL, vocab_size, (count, length)).astype(np.uint16)
    rows[:, 0], rows[:, -1] = CLS_ID, SEP_ID
    return Blocks(rows, rows[:16], length, vocab_size, rows.size, False, 7.0, count, 0)


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


def seconds_in_turns(
    steppers: Mapping[str, Callable[[int, float], object]],
    device: str,
    rounds: int,
    steps: int,
    *,
    is_warm: bool = False,
) -> dict[str, float]:
    """Return the seconds of a step in each one's best round; the clock is that of `clocked`.

    Each warms up for `FIRST` steps, unless they have been made.
    """
    for stepper in () if is_warm else steppers.values():
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
