"""Seconds of the commands that must feel immediate, each a process of its own.

    python benchmarks/speed/commands.py [--repeats 3]

`--help`, `plan` of 10,368 cells, a second `run` of a finished study, `report` of 11,520 rows.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from mae_bench.results import frame, save_rows

PLAN = {
    "name": "wide",
    "objectives": ["random_init", {"mlm": {"mask_ratio": [0.1, 0.15, 0.2, 0.3, 0.4, 0.5]}}, "mae"],
    "tasks": ["world/topic", "world/sentiment", "world/entailment", "world/similarity"],
    "protocols": ["finetune", "linear_probe"],
    "train_sizes": [50, 100, 200, 400],
    "noise": ["clean", {"typos": {"rate": [0.05, 0.1, 0.2]}}],
    "finetune": {"max_length": 64},
    "seeds": 9,
}
SMALL = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"tokens": 5000, "row_length": 32},
    "pretrain": {"budget": {"steps": 2}, "batch_rows": 4},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "train_sizes": [50],
    "finetune": {"learning_rates": [0.001], "epochs": 1, "min_steps": 2},
    "seeds": 2,
}


def synthetic_rows(study: dict) -> "object":
    """Return about 10,000 rows of made-up scores, to time the report and nothing else."""
    rng = np.random.default_rng(0)
    arms = [(f"arm {i}", "mlm", False) for i in range(8)]
    floors = [("majority class", "majority", True), ("TF-IDF + LR", "tfidf", True)]
    rows = []
    for arm, objective, is_floor in [("random_init", "random_init", False), *arms, *floors]:
        for protocol in [objective] if is_floor else study["protocols"]:
            for task in study["tasks"]:
                for size in study["train_sizes"]:
                    for rate in (0.0, 0.05, 0.1, 0.2):
                        for seed in range(study["seeds"]):
                            row = {
                                "study": study["name"], "arm": arm, "objective": objective,
                                "options": "{}", "is_floor": is_floor, "protocol": protocol,
                                "task": task, "metric": "accuracy", "is_primary": True,
                                "train_size": str(size), "noise": "typos" if rate else "clean",
                                "noise_rate": rate, "noise_where": "test", "seed": seed,
                                "pretrain_seed": seed, "value": float(rng.uniform(0.5, 0.9)),
                                "is_collapsed": False, "collapse": "", "chosen": "{}",
                                "pretrain_tokens": 10, "pretrain_steps": 1,
                                "pretrain_flops": 1e12, "pretrain_s": 1.0,
                            }  # fmt: skip
                            rows.append(row)
    return frame(rows)


def seconds(command: list[str], repeats: int) -> float:
    """Return the best wall time of a command that must succeed."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    tool = [sys.executable, "-m", "mae_bench"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        wide, small = home / "wide.yaml", home / "small.yaml"
        wide.write_text(yaml.safe_dump(PLAN))
        small.write_text(yaml.safe_dump(SMALL))
        at = ["--home", str(home / "home")]
        first = subprocess.run([*tool, "run", str(small), *at], check=False, capture_output=True)
        if first.returncode:
            sys.exit(first.stderr.decode())
        rows = synthetic_rows(PLAN)
        report = home / "report.py"
        save_rows(rows, home / "rows.parquet")
        report.write_text(
            "from pathlib import Path\n"
            "from mae_bench.analysis.report import ReportContext, write_report\n"
            "from mae_bench.results import load_rows\n"
            "from mae_bench.planning.study import load_study\n"
            f"rows = load_rows({str(home / 'rows.parquet')!r})\n"
            f"study = load_study({str(wide)!r})\n"
            f"write_report(rows, study, Path({str(home / 'report')!r}), context=ReportContext())\n"
        )
        print(f"{'command':44}{'seconds':>8}")
        print(f"{'--help':44}{seconds([*tool, '--help'], repeats):>8.2f}")
        print(
            f"{'plan of 10,368 cells':44}{seconds([*tool, 'plan', str(wide), *at], repeats):>8.2f}"
        )
        print(
            f"{'run of a finished study':44}"
            f"{seconds([*tool, 'run', str(small), *at], repeats):>8.2f}"
        )
        shutil.rmtree(home / "report", ignore_errors=True)
        label = f"report of {len(rows):,} rows"
        print(f"{label:44}{seconds([sys.executable, str(report)], 1):>8.2f}")


if __name__ == "__main__":
    main()
