"""Seconds, memory and bytes of a report of about 100,000 made-up rows, in three shapes of study.

    python benchmarks/speed/report.py                      # each shape in a process of its own
    python benchmarks/speed/report.py --only arms --json numbers.json --keep reports-of-noise

`settings` has few arms and many settings, `arms` a grid of many arms, `seeds` ten tasks and many
seeds. The seconds are those of `write_report`; reading the rows is not among them.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from json_results import add_json_flag, write_json

from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.results import frame
from mae_bench.specs import CLEAN, ArmSpec, NoiseSpec, Study

PAGE_LIMIT = 5_000_000  # bytes
LIMIT_S = 30.0


@dataclass(frozen=True)
class Shape:
    """How many of what a made-up study has."""

    arms: int
    tasks: int
    protocols: int
    sizes: int
    rates: int
    seeds: int


SHAPES = {
    "settings": Shape(arms=8, tasks=8, protocols=2, sizes=7, rates=11, seeds=10),
    "arms": Shape(arms=64, tasks=8, protocols=2, sizes=4, rates=2, seeds=12),
    "seeds": Shape(arms=10, tasks=10, protocols=2, sizes=2, rates=2, seeds=120),
}


def synthetic_study(shape: Shape) -> Study:
    """Return a study of a shape."""
    rates = [round(0.05 * step, 2) for step in range(1, shape.rates)]
    arms = [ArmSpec(objective="mlm", label=f"arm {number}") for number in range(shape.arms)]
    return Study(
        name="synthetic",
        objectives=(ArmSpec(objective="random_init", label="random_init"), *arms),
        tasks=tuple(f"world/task{number}" for number in range(shape.tasks)),
        protocols=("finetune", "linear_probe", "knn")[: shape.protocols],
        train_sizes=tuple(50 * 2**step for step in range(shape.sizes)),
        noise=(CLEAN, *(NoiseSpec(name="typos", rate=rate) for rate in rates)),
        seeds=tuple(range(shape.seeds)),
        control="arm 0",
    )


def synthetic_rows(study: Study) -> pd.DataFrame:
    """Return a row for every cell; better arms, harder tasks and noise move made-up scores."""
    rng = np.random.default_rng(0)
    first = frame([_first_row(study)]).iloc[0].to_dict()
    records: list[dict[str, object]] = []
    for rank, arm in enumerate(study.objectives):
        start = rng.normal(0, 0.01, len(study.seeds))  # a pretraining is shared by its cells
        for protocol in study.protocols:
            for task_rank, task in enumerate(study.tasks):
                for size in study.train_sizes:
                    for noise in study.noise:
                        centre = 0.6 + 0.1 * rank / len(study.objectives) - 0.2 * noise.rate
                        values = centre + 0.02 * task_rank + start
                        values = values + rng.normal(0, 0.01, len(study.seeds))
                        records += [
                            first
                            | {
                                "arm": arm.label, "objective": arm.objective,
                                "protocol": protocol, "task": task, "train_size": str(size),
                                "n_train": size, "noise": noise.label, "noise_rate": noise.rate,
                                "noise_where": noise.where, "seed": seed, "value": value,
                                "pretrain_id": f"{arm.label}-{seed}", "pretrain_flops": 1e15 + rank,
                            }
                            for seed, value in zip(study.seeds, values, strict=True)
                        ]  # fmt: skip
    return pd.DataFrame(records)


def _first_row(study: Study) -> dict[str, object]:
    return {
        "study": study.name, "arm": "", "objective": "mlm", "protocol": "finetune",
        "task": study.tasks[0], "metric": "accuracy", "train_size": "50", "n_train": 50, "seed": 0,
        "value": 0.5, "pretrain_tokens": 1_000_000, "pretrain_steps": 100, "pretrain_flops": 1e15,
        "pretrain_s": 60.0, "params_encoder": 4_000_000, "params_objective": 10_000,
        "evaluate_s": 1.0, "evaluate_flops": 1e9,
    }  # fmt: skip


def measure(name: str, folder: Path) -> dict[str, object]:
    """Return what the report of a shape took."""
    study = synthetic_study(SHAPES[name])
    rows = synthetic_rows(study)
    before = time.process_time()
    started = time.perf_counter()
    page = write_report(rows, study, folder / name, context=ReportContext())
    return {
        "shape": name,
        "rows": len(rows),
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - before,
        "page_bytes": page.stat().st_size,
        "folder_bytes": sum(p.stat().st_size for p in page.parent.rglob("*") if p.is_file()),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    """Print a table; return 1 where a report is too slow or its page too large."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=SHAPES, help="this shape, in this process")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the reports here")
    add_json_flag(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.only:
            readings = [measure(arguments.only, folder)]
        else:
            readings = [_alone(name, folder, Path(temporary)) for name in SHAPES]
    print("shape          rows       s   CPU s  page MB  folder MB  peak MB")
    for one in readings:
        print(
            f"{one['shape']:10}{one['rows']:>9,}{one['seconds']:>8.1f}{one['cpu_s']:>8.1f}"
            f"{one['page_bytes'] / 1e6:>9.2f}{one['folder_bytes'] / 1e6:>11.2f}"
            f"{one['peak_memory_mb']:>9.0f}"
        )
    write_json(arguments.json, {"readings": readings})
    is_kept = all(r["seconds"] < LIMIT_S and r["page_bytes"] < PAGE_LIMIT for r in readings)
    return 0 if is_kept else 1


def _alone(name: str, folder: Path, temporary: Path) -> dict[str, object]:
    """Measure a shape in a process of its own, so that its memory is its own."""
    numbers = temporary / "numbers.json"
    command = [sys.executable, __file__, "--only", name, "--keep", str(folder)]
    done = subprocess.run(
        [*command, "--json", str(numbers)], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"the report of '{name}' failed")
    return dict(json.loads(numbers.read_text())["readings"][0])


if __name__ == "__main__":
    sys.exit(main())
