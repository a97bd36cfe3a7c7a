"""Pretraining on a GPU, alone and as ten seeds in one program, against transformers' Trainer.

    python benchmarks/speed/card_contest.py --presets tiny compact base [--device cuda]

The Trainer's contestants are those of `pretraining.py` whose name holds `--trainer`, each in a
process of its own; the best counts. Ours are the steps of a pretraining on rows of the same shape,
run as `--compile auto` chooses. A speed is tokens a second, over all seeds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from compiling import stepper_of
from json_results import add_json_flag, write_json
from pretraining import LENGTH, ROWS, VOCAB
from timed_steps import full_rows, seconds_in_turns

from mae_bench.runner.memory import keep_freed_memory


def trainer_speed(preset: str, name: str, steps: int, device: str) -> dict[str, float]:
    """Return the speed of each of the Trainer's contestants."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speeds.json")
        script = str(Path(__file__).with_name("pretraining.py"))
        flags = ["--preset", preset, "--only", name, "--steps", str(steps), "--repeats", "1"]
        flags += ["--json", str(path)]
        flags += ["--threads", "1", "--clock", "cpu"] if device == "cpu" else []
        subprocess.run([sys.executable, script, *flags], check=True)
        return json.loads(path.read_text())["speeds"]


def seeds_stepper(preset: str, seeds: int, data, device: str):
    """Return what makes a step of all seeds of an mlm at once."""
    from mae_bench.pretraining.compiling import make_stepper
    from mae_bench.pretraining.run import Folders, Run
    from mae_bench.pretraining.seeds_step import SeedBatches, SeedsStep
    from mae_bench.specs import BackboneSpec, PretrainRecipe, PretrainSpec
    from mae_bench.training.precision import resolve_precision

    nowhere = Folders(Path(), Path(), None, None, None, Path(), Path())
    recipe = PretrainRecipe(batch_rows=ROWS, precision=resolve_precision("auto", device))
    runs = []
    for seed in range(seeds):
        spec = PretrainSpec(
            backbone=BackboneSpec(preset=preset, max_length=LENGTH), objective="mlm", options={},
            blocks="random rows", recipe=recipe, seed=seed,
        )  # fmt: skip
        runs.append(Run(spec, data, nowhere, None, device))
        runs[-1].objective.train()
    least = runs[0].requires.least_tokens(LENGTH)
    batches = SeedBatches(data, [run.order for run in runs], device, least)
    return make_stepper(SeedsStep(runs, batches), "auto")


def main() -> None:
    """Print a line for each preset and contestant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--presets", nargs="+", default=["tiny", "compact", "base"])
    parser.add_argument("--seeds", type=int, default=10, help="at once; 1 for a single seed alone")
    parser.add_argument("--trainer", default="tuned Trainer mlm bf16")
    parser.add_argument("--steps", type=int, default=40)
    add_json_flag(parser)
    asked = parser.parse_args()
    keep_freed_memory()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    data = full_rows(2 * ROWS, LENGTH, VOCAB)
    seen = {}
    for preset in asked.presets:
        speeds = trainer_speed(preset, asked.trainer, asked.steps, asked.device)
        steppers = {"one seed": stepper_of("mlm", preset, asked.device, "auto", data=data)}
        if asked.seeds > 1:
            name = f"{asked.seeds} seeds"
            steppers[name] = seeds_stepper(preset, asked.seeds, data, asked.device)
        took = seconds_in_turns(steppers, asked.device, 3, max(1, asked.steps // 4))
        ours = {
            name: ROWS * LENGTH * (1 if name == "one seed" else asked.seeds) / seconds
            for name, seconds in took.items()
        }
        best = max(speeds.values())
        for name, speed in (*speeds.items(), *ours.items()):
            print(f"{preset:>8}  {name:34}{speed:>14,.0f}{speed / best:>8.2f}", flush=True)
        ratios = {name: speed / best for name, speed in ours.items()}
        ran_as = {name: stepper.how for name, stepper in steppers.items()}
        seen[preset] = {"trainer": speeds, "ours": ours, "ratios": ratios, "ran_as": ran_as}
    write_json(asked.json, {"device": asked.device, "seeds": asked.seeds, "presets": seen})


if __name__ == "__main__":
    main()
