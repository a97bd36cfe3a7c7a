"""Seeds x learning rates of one fine-tune as one program, against one after another.

    python benchmarks/speed/batched_finetunes.py [--device cpu] [--presets tiny] [--seeds 1 10]
        [--rates 3] [--steps 60] [--trainer] [--json PATH]

The texts, encoders and recipe are those of `finetuning.py`, in bf16 where hardware has it. Seconds
are of a step of every one of the seeds x rates, after a quarter that warms up, the best of the
rounds: a step of all at once, and so many single steps of this package. With `--trainer` also so
many steps of transformers' `Trainer` as a careful user would set it (`tuned Trainer grouped bf16`
of `finetuning.py`), which needs `accelerate`. The clock is the wall's on a GPU, else CPU seconds of
the process, one thread.
"""

import argparse
import time
from dataclasses import dataclass, field

import finetuning
import numpy as np
import torch
from contest import WARM_UP_SHARE, StepClock
from json_results import add_json_flag, write_json

from mae_bench.model.backbone import build_backbone
from mae_bench.model.heads import TaskModel
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.protocols.finetunes_together import FinetuneGroup
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec, EvaluateSpec, FinetuneRecipe
from mae_bench.tasks import TASKS, Examples, kind_of
from mae_bench.training.batching import TokenSet
from mae_bench.training.dropout_seed import seeded_dropout
from mae_bench.training.length_buckets import wants_buckets

ROUNDS = 2
RATES = np.geomspace(1e-4, 1e-2, 16)


@dataclass(eq=False)
class Prepared:
    """One seed of a fine-tune that is ready to be trained, which notes when a step ends."""

    spec: EvaluateSpec
    name: str
    recipe: FinetuneRecipe
    device: str
    steps: int
    train: TokenSet
    train_targets: torch.Tensor
    tuner: Finetuner
    first: int
    times: list[float] = field(default_factory=list)

    def report(self, step: int, _: int) -> None:
        """Read the clock after the steps that warm up, and after the last."""
        if step in (self.first, self.steps):
            self.times.append(now(self.device))

    @property
    def step_s(self) -> float:
        """Seconds of a step."""
        start, end = self.times[-2:]
        return (end - start) / (self.steps - self.first)


def now(device: str) -> float:
    """Return the time when all that was asked of a device is done."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def prepare(preset: str, seed: int, steps: int, device: str) -> Prepared:
    """Return a seed: texts in an order of its own, and an encoder of random weights."""
    rows = finetuning.texts(steps * finetuning.BATCH)
    labels = np.arange(len(rows)) % finetuning.CLASSES
    examples = Examples(list(map(str, range(len(rows)))), ([""] * len(rows),), labels)
    learner = kind_of(TASKS.get("world/sentiment")).learner(examples)
    spec = BackboneSpec(preset=preset, max_length=finetuning.LENGTH)
    backbone = build_backbone(spec, finetuning.VOCAB, seed)
    recipe = FinetuneRecipe(epochs=1, min_steps=steps, batch_size=finetuning.BATCH)
    model = TaskModel(backbone, learner.head(backbone.width, dropout=recipe.dropout, seed=seed))
    tuner = Finetuner(model, learner, recipe, task="speed", seed=seed, device=device)
    texts = TokenSet.of(
        rows, pad_id=0, vocab_size=finetuning.VOCAB, device=device,
        has_buckets=wants_buckets(device),
    )  # fmt: skip
    fields = {"checkpoint": None, "protocol": "finetune", "task": "speed", "task_data": ""}
    evaluation = EvaluateSpec(**fields, train_size="all", seed=seed)
    return Prepared(
        evaluation, "speed", recipe, device, steps, texts, learner.encode(labels, texts), tuner,
        int(steps * WARM_UP_SHARE),
    )  # fmt: skip


def at_once(seeds: list[Prepared], num_rates: int) -> float:
    """Return the seconds of a step of all seeds and rates."""
    group = FinetuneGroup([(seed, rate) for seed in seeds for rate in RATES[:num_rates].tolist()])
    group.train()
    return seeds[0].step_s


def alone(seed: Prepared) -> float:
    """Return the seconds of a step of one seed and rate."""
    with seeded_dropout(seed.name, seed.spec.seed, seed.device):
        for step in seed.tuner.train(seed.train, seed.train_targets, RATES[0].item()):
            seed.report(step, 1)
    return seed.step_s


def trainer(preset: str, steps: int) -> float:
    """Return the seconds of a step of transformers' Trainer."""
    clock = StepClock("wall" if torch.cuda.is_available() else "cpu")
    finetuning.run_trainer("tuned", "bf16", steps, preset)
    return clock.seconds_per_step()


def main() -> None:
    """Print milliseconds of a step of all, by preset, number of seeds and of rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--presets", nargs="+", default=["tiny"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 10])
    parser.add_argument("--rates", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--trainer", action="store_true", help="transformers' Trainer, too")
    add_json_flag(parser)
    asked = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {asked.device}")
    print(
        f"{'preset':>8} {'seeds':>5} {'rates':>5} {'one ms':>8} {'in turn':>9} {'at once':>9} "
        f"{'gain':>6} {'Trainer':>9} {'gain':>6}"
    )
    lines = []
    for preset in asked.presets:
        theirs = min(trainer(preset, asked.steps) for _ in range(ROUNDS)) if asked.trainer else None
        for number in asked.seeds:
            seeds = [prepare(preset, seed, asked.steps, asked.device) for seed in range(number)]
            best = {"one_s": float("inf"), "at_once_s": float("inf")}
            for _ in range(ROUNDS):
                best["one_s"] = min(best["one_s"], alone(seeds[0]))
                best["at_once_s"] = min(best["at_once_s"], at_once(seeds, asked.rates))
            lines.append(line(preset, number, asked.rates, best, theirs))
    write_json(asked.json, {"device": asked.device, "lines": lines})


def line(
    preset: str, seeds: int, rates: int, best: dict[str, float], theirs: float | None
) -> dict[str, object]:
    """Print one line; return its numbers."""
    k, once = seeds * rates, best["at_once_s"]
    gain = k * best["one_s"] / once
    over_trainer = None if theirs is None else k * theirs / once
    end = " " * 16 if theirs is None else f"{k * theirs * 1e3:>9.1f} {over_trainer:>6.2f}"
    print(
        f"{preset:>8} {seeds:>5} {rates:>5} {best['one_s'] * 1e3:>8.2f} "
        f"{k * best['one_s'] * 1e3:>9.1f} {once * 1e3:>9.1f} {gain:>6.2f} {end}",
        flush=True,
    )
    shape = {"preset": preset, "seeds": seeds, "rates": rates}
    return {**shape, **best, "trainer_s": theirs, "gain": gain, "over_trainer": over_trainer}


if __name__ == "__main__":
    main()
