"""What the runner adds to the own time of 200 small cells: planning, leases, files, rows.

    python benchmarks/speed/overhead.py

A stage's own time is what its function takes, from loading its inputs to its last file: the
training, and all that would be done without a runner. All else that the process does after its
imports is the runner's. Seconds are of CPU, so that other jobs on the machine matter little; one
process, so that none waits for another.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter

from json_results import add_json_flag, write_json

STUDY = {
    "name": "small_cells",
    "backbone": {"num_layers": 2, "hidden_size": 64, "num_heads": 2, "max_length": 64},
    "corpus": {"tokens": 100_000, "tokenizer": {"vocab_size": 1024}, "row_length": 64},
    "pretrain": {"budget": {"steps": 100}, "batch_rows": 16, "precision": "fp32"},
    "objectives": ["random_init", "mlm", "mae", "rtd", "causal"],
    "tasks": ["world/topic", "world/sentiment"],
    "protocols": ["finetune"],
    "train_sizes": [50, 100],
    "finetune": {"learning_rates": [1.0e-3], "max_length": 64, "precision": "fp32"},
    "seeds": 10,
}


def run_here(home: str) -> None:
    """Run the study in this process and print its seconds of CPU as JSON."""
    from mae_bench.planning.study import study_of
    from mae_bench.pretraining import pretrain  # noqa: F401  # torch and the rest, before the clock
    from mae_bench.protocols import finetune  # noqa: F401
    from mae_bench.runner import stages
    from mae_bench.runner.session import Session

    own: Counter[str] = Counter()

    def counted(kind, function):
        def call(job):
            start = time.process_time()
            function(job)
            own[kind] += time.process_time() - start

        return call

    for kind, function in list(stages.RUN.items()):
        stages.RUN[kind] = counted(kind, function)
    start = time.process_time()
    session = Session(study_of(STUDY), home=home, device="cpu", workers=1)
    rows = session.run()
    whole = time.process_time() - start
    cells = len(rows[~rows["is_floor"] & rows["is_primary"]])
    print(
        json.dumps({"cells": cells, "whole": whole, "own": own, "failed": session.counts().failed})
    )


def main() -> None:
    """Measure in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--one", metavar="HOME", help=argparse.SUPPRESS)
    add_json_flag(parser)
    arguments = parser.parse_args()
    if arguments.one:
        run_here(arguments.one)
        return
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "--one", home]
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    seen = json.loads(output.splitlines()[-1])
    trainings = seen["own"]["pretrain"] + seen["own"]["evaluate"]
    runner = seen["whole"] - sum(seen["own"].values())
    print(f"{seen['cells']} cells, {seen['failed']} stages failed")
    for kind, seconds in seen["own"].items():
        print(f"    {kind:12}{seconds:8.1f} s of CPU")
    print(
        f"    {'the runner':12}{runner:8.1f} s of CPU, {runner / trainings:.1%} of the trainings'"
    )
    write_json(arguments.json, {**seen, "runner": runner, "overhead_ratio": runner / trainings})


if __name__ == "__main__":
    main()
