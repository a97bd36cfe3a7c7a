"""What `plan` promises after a calibration, beside what the run then takes.

    python benchmarks/speed/estimates.py                        # each study below, 1 and 2 workers
    python benchmarks/speed/estimates.py --only probes,quickstart --workers 1 --device cuda

Each study is calibrated, planned and run in a fresh home, so that no finished stage helps. The CPU
columns hold where other work shares the machine, and the wall columns do not. A name that is none
of those below is one that `mae-bench plan` takes. `--json PATH` writes the numbers, too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from json_results import add_json_flag, write_json

BASE = {
    "backbone": {"num_layers": 2, "hidden_size": 128, "num_heads": 2, "max_length": 64},
    "corpus": {"sources": ["world"], "tokens": 300_000, "row_length": 64},
    "tasks": ["world/topic", "world/sentiment"],
    "train_sizes": [100, 1000],
    "seeds": 2,
}
STUDIES = {
    "pretraining": BASE
    | {
        "pretrain": {"budget": {"tokens": 1_000_000}, "batch_rows": 32},
        "objectives": ["random_init", "mlm", "mae"],
        "tasks": ["world/topic"],
        "protocols": ["linear_probe"],
        "train_sizes": [100],
    },
    "probes": BASE
    | {
        "pretrain": {"budget": {"steps": 20}, "batch_rows": 32},
        "objectives": ["random_init", "mlm", "mae", "simcse"],
        "protocols": ["linear_probe", "knn"],
        "noise": ["clean", {"typos": 0.1}],
        "seeds": 6,
    },
    "finetunes": BASE
    | {
        "pretrain": {"budget": {"steps": 20}, "batch_rows": 32},
        "objectives": ["random_init", "mlm"],
        "protocols": ["finetune"],
        "finetune": {"learning_rates": [5e-4, 1.5e-3], "max_length": 64},
    },
    "zero_shot": BASE
    | {
        "pretrain": {"budget": {"steps": 20}, "batch_rows": 32},
        "objectives": ["random_init", "mlm", "mae"],
        "protocols": ["zero_shot", "representation"],
        "train_sizes": ["all"],
        "seeds": 6,
    },
}


def command(*words: str) -> str:
    """Run mae-bench and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mae_bench", *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def measure(study: str, flags: list[str], workers: int, seconds: str) -> dict[str, float]:
    """Return promised and measured seconds of wall, and of CPU."""
    where = [study, *flags, "--workers", str(workers)]
    command("calibrate", *where, "--seconds", seconds)
    plan = json.loads(command("plan", *where, "--json"))
    starts = 1 if workers == 1 else 1 + workers
    before, start = os.times(), time.perf_counter()
    command("run", *where)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return {
        "promised_wall_s": plan["run_s"],
        "wall_s": wall,
        "promised_cpu_s": plan["seconds"] + starts * plan["speed"]["start_s"],
        "cpu_s": cpu,
    }


def main() -> None:
    """Print a line for each study and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(STUDIES))
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", default="30", help="of a calibration")
    add_json_flag(parser)
    given = parser.parse_args()
    studies = []
    print("| study | workers | promised, s | wall, s | ratio | CPU promised, s | CPU, s | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in given.only.split(","):
        for workers in map(int, given.workers.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                study = name
                if name in STUDIES:
                    path = Path(folder) / f"{name}.yaml"
                    path.write_text(json.dumps({"name": name} | STUDIES[name]))  # JSON is YAML
                    study = str(path)
                flags = ["--home", f"{folder}/home", "--device", given.device]
                seen = measure(study, flags, workers, given.seconds)
            studies.append({"study": name, "workers": workers} | seen)
            columns = [
                f"{seen[f'promised_{clock}_s']:.0f} | {seen[f'{clock}_s']:.0f} "
                f"| {seen[f'promised_{clock}_s'] / seen[f'{clock}_s']:.2f}"
                for clock in ("wall", "cpu")
            ]
            print(f"| {name} | {workers} | {' | '.join(columns)} |", flush=True)
    write_json(given.json, {"device": given.device, "studies": studies})


if __name__ == "__main__":
    main()
