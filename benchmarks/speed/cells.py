"""What 320 tiny cells cost beside their own work: loading, tokenising, noise, saving, starting.

    python benchmarks/speed/cells.py [--workers 2]

Own work is what no runner can spare: training steps, forward passes, linear fits. All is counted
in seconds of CPU, children included, so that other jobs on the machine matter little; the parts
are those of one process, and `--workers` runs the study once more with several.
"""

import argparse
import importlib
import inspect
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from json_results import add_json_flag, write_json

STUDY = """
name: tiny_cells
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus:
  sources: [world]
  tokens: 20_000
  tokenizer: {kind: bpe, vocab_size: 512}
  row_length: 32
pretrain: {budget: {tokens: 20_000}, batch_rows: 16, precision: fp32}
objectives: [random_init, mlm, mae, rtd, causal]
tasks: [world/topic, world/sentiment]
protocols: [linear_probe, finetune]
train_sizes: [20, 50]
noise: [clean, {typos: {rate: 0.1, where: test}}]
seeds: 4
finetune: {learning_rates: [1.0e-3], max_length: 32, precision: fp32}
linear_probe: {max_length: 32, precision: fp32}
"""
PARTS = {  # module, name or Class.name -> part; a part inside another is counted apart
    "mae_bench.pretraining.pretrain:train": "own: pretraining steps",
    "mae_bench.protocols.finetuner:Finetuner.train": "own: fine-tuning steps",
    "mae_bench.protocols.finetuner:Finetuner.predict": "own: predictions",
    "mae_bench.protocols.linear_probe:Encoder.encode": "own: predictions",
    "mae_bench.protocols.linear_probe:try_penalties": "own: linear fits",
    "mae_bench.protocols.floors:try_penalties": "own: linear fits",
    "mae_bench.protocols.floors:TfidfFeatures.__init__": "own: linear fits",
    "mae_bench.protocols.floors:TfidfFeatures.__call__": "own: linear fits",
    "mae_bench.pretraining.checkup:exchange": "own: health of a pretraining",
    "mae_bench.pretraining.checkup:left_out_r2": "own: health of a pretraining",
    "mae_bench.pretraining.checkup:validation_loss": "own: health of a pretraining",
    "mae_bench.pretraining.checkup:describe_collapse": "own: health of a pretraining",
    "mae_bench.training.batching:tokenize": "tokenising",
    "mae_bench.protocols.text_vectors:tokenize": "tokenising",
    "mae_bench.protocols.finetune:load_tokenizer": "loading",
    "mae_bench.protocols.text_vectors:load_tokenizer": "loading",
    "mae_bench.protocols.finetune:load_backbone": "loading",
    "mae_bench.protocols.frozen_encoder:load_backbone": "loading",
    "mae_bench.protocols.base:load_task": "loading",
    "mae_bench.protocols.splits:Splits._noisy": "noise",
    "mae_bench.pretraining.run:save_checkpoint": "saving",
    "mae_bench.protocols.base:tabulate": "saving",
    "mae_bench.store.store:finish": "saving",
}


class Clock:
    """Seconds of CPU by part, each without those inside it."""

    def __init__(self):
        self.spent = defaultdict(float)
        self.inside = [0.0]

    @contextmanager
    def counting(self, part):
        """Count the block under a part."""
        self.inside.append(0.0)
        start = time.process_time()
        try:
            yield
        finally:
            whole = time.process_time() - start
            self.spent[part] += whole - self.inside.pop()
            self.inside[-1] += whole

    def wrapped(self, function, part):
        """Return a function, or a generator's, that is counted under a part."""

        def steps(*args, **kwargs):
            generator = function(*args, **kwargs)
            while True:
                with self.counting(part):
                    try:
                        value = next(generator)
                    except StopIteration:
                        return
                yield value

        def call(*args, **kwargs):
            with self.counting(part):
                return function(*args, **kwargs)

        return steps if inspect.isgeneratorfunction(function) else call


def run_here(study: str, home: str) -> None:
    """Run the study in this process and print the seconds of CPU of each part."""
    clock = Clock()
    clock.spent["starting"] = time.process_time()
    with clock.counting("starting"):
        from mae_bench import load_study, run_study
        from mae_bench.runner import stages

        for path, part in PARTS.items():
            module, _, name = path.partition(":")
            owner = importlib.import_module(module)
            *holder, name = name.split(".")
            owner = getattr(owner, holder[0]) if holder else owner
            setattr(owner, name, clock.wrapped(getattr(owner, name), part))
        for kind in ("tokenizer", "blocks", "task"):
            stages.RUN[kind] = clock.wrapped(stages.RUN[kind], "preparing")
    run_study(load_study(study), home=home, data_dir=None, workers=1)
    print(json.dumps(clock.spent))


def spent_by(command: list[str]) -> tuple[float, str]:
    """Return the seconds of CPU of a command and its children, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if output.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{output.stderr}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, output.stdout


def main() -> None:
    """Run the study in one process, then in several; print parts and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=0, help="also with so many; 0: not")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    add_json_flag(parser)
    arguments = parser.parse_args()
    if arguments.one:
        run_here(*arguments.one)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder, "tiny_cells.yaml")
        study.write_text(STUDY, encoding="utf-8")
        command = [sys.executable, __file__, "--one", str(study), str(Path(folder, "home"))]
        whole, output = spent_by(command)
        parts = json.loads(output.splitlines()[-1])
        own = sum(seconds for part, seconds in parts.items() if part.startswith("own"))
        parts["planning, rows and all else"] = whole - sum(parts.values())
        print(f"{'part':32}{'CPU s':>8}{'x own work':>12}")
        for part, seconds in sorted(parts.items(), key=lambda pair: -pair[1]):
            print(f"{part:32}{seconds:>8.1f}{seconds / own:>12.2f}")
        print(f"{'all':32}{whole:>8.1f}{whole / own:>12.2f}")
        if arguments.workers:
            home = str(Path(folder, "workers"))
            flags = ["--home", home, "--workers", str(arguments.workers)]
            whole, _ = spent_by([sys.executable, "-m", "mae_bench", "run", str(study), *flags])
            print(f"{f'all, with {arguments.workers} workers':32}{whole:>8.1f}{whole / own:>12.2f}")
        write_json(arguments.json, {"cpu_s": parts, "own_s": own, "all_s": sum(parts.values())})


if __name__ == "__main__":
    main()
