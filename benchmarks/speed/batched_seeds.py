"""Seconds of a training step of k seeds as one program, against k one after another.

    python benchmarks/speed/batched_seeds.py [--device cpu] [--presets tiny cpu] [--seeds 1 2 4 10]
        [--json PATH]

Rows of 64 tokens, a third of them padded, batches of 32; the ways take turns, the best round
counts. On a CPU the clock is that of the process, with one thread; on a GPU every way is one CUDA
graph a step (`--compile off` for none). ``gain`` is k seeds one after another over k at once,
``to one`` is k seeds at once over one seed.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from compiling import corpus
from json_results import add_json_flag, write_json
from timed_steps import get_ready, seconds_in_turns

from mae_bench.data.blocks import Blocks
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.compiling import make_stepper
from mae_bench.pretraining.run import Folders, Run
from mae_bench.pretraining.seeds_step import SeedBatches, SeedsStep
from mae_bench.pretraining.step import Step, Stepper
from mae_bench.specs import BackboneSpec, PretrainRecipe, PretrainSpec

ROUNDS, STEPS = 3, 4
NOWHERE = Folders(Path(), Path(), None, None, None, Path(), Path())


def main() -> None:
    """Print milliseconds a step by preset, objective, precision and number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--presets", nargs="+", default=["tiny", "cpu"])
    parser.add_argument("--objectives", nargs="+", default=["mlm", "mae"])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 4, 10])
    parser.add_argument("--compile", default="auto")
    add_json_flag(parser)
    arguments = parser.parse_args()
    get_ready(arguments.device)
    print(f"torch {torch.__version__}, {arguments.device}")
    print(
        f"{'preset':>8} {'objective':>9} {'precision':>9} {'seeds':>5} {'one ms':>8} "
        f"{'k in turn':>9} {'k at once':>9} {'gain':>6} {'to one':>6}  ran as"
    )
    lines = [
        compare(preset, objective, precision, number, arguments)
        for preset in arguments.presets
        for objective in arguments.objectives
        for precision in arguments.precisions
        for number in arguments.seeds
    ]
    write_json(arguments.json, {"device": arguments.device, "lines": lines})


def compare(
    preset: str, objective: str, precision: str, number: int, arguments: argparse.Namespace
) -> dict[str, object]:
    """Print one line; return its numbers."""
    device, how = arguments.device, arguments.compile
    recipe = PretrainRecipe(precision=precision)
    data = corpus()
    data = replace(data, validation=data.rows[:16])
    runs = runs_of(preset, objective, number, data, recipe, device)
    single = [make_stepper(step_of(run), how) for run in runs]
    group = group_stepper(runs_of(preset, objective, number, data, recipe, device), how)

    def in_turn(step: int, progress: float) -> None:
        for stepper in single:
            stepper(step, progress)

    ways = {"one": single[0], "in turn": in_turn, "at once": group}
    best = seconds_in_turns(ways, device, ROUNDS, STEPS)
    gain, to_one = best["in turn"] / best["at once"], best["at once"] / best["one"]
    print(
        f"{preset:>8} {objective:>9} {precision:>9} {number:>5} {best['one'] * 1e3:>8.2f} "
        f"{best['in turn'] * 1e3:>9.2f} {best['at once'] * 1e3:>9.2f} "
        f"{gain:>6.2f} {to_one:>6.2f}  {group.how}",
        flush=True,
    )
    shape = {"preset": preset, "objective": objective, "precision": precision, "seeds": number}
    seconds = {f"{way.replace(' ', '_')}_s": step_s for way, step_s in best.items()}
    return {**shape, **seconds, "gain": gain, "to_one": to_one, "ran_as": group.how}


def runs_of(
    preset: str, objective: str, number: int, data: Blocks, recipe: PretrainRecipe, device: str
) -> list[Run]:
    """Return seeds of one arm on some rows."""
    runs = []
    for seed in range(number):
        spec = PretrainSpec(
            backbone=BackboneSpec(preset=preset, max_length=data.row_length),
            objective=objective,
            options={},
            blocks="random rows",
            recipe=recipe,
            seed=seed,
        )
        run = Run(spec, data, NOWHERE, None, device)
        run.objective.train()
        runs.append(run)
    return runs


def group_stepper(runs: list[Run], how: str) -> Stepper:
    """Return what makes a step of all seeds at once, run as ``--compile`` says."""
    first = runs[0]
    batches = SeedBatches(first.data, [run.order for run in runs], first.device, least_of(first))
    return make_stepper(SeedsStep(runs, batches), how)


def step_of(run: Run) -> Step:
    """Return the step of a seed alone."""
    batches = Batches(run.data, run.order, run.device, least_of(run))
    optimizer = run.make_optimizer()
    return Step(run.objective, optimizer, batches, run.recipe, run.spec.seed, run.requires)


def least_of(run: Run) -> int:
    """Return the tokens that a row must have for the loss to predict one."""
    return run.requires.least_tokens(run.data.row_length)


if __name__ == "__main__":
    main()
