"""Pretraining speed against transformers' own Trainer, and MAE against MLM, in one run.

    python benchmarks/speed/pretraining.py [--steps 40] [--repeats 3]

Same encoder sizes (preset `cpu`, 6x192), same rows (32 of 128 tokens), a vocabulary of 4,096,
the same threads. The contestants take turns, each in a process of its own; the best of the
repeats counts, and ratios are printed. Needs `accelerate`, which the Trainer wants.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VOCAB, ROWS, LENGTH = 4096, 32, 128
CONTESTANTS = {
    "Trainer mlm fp32": ["trainer", "mlm", "fp32"],
    "Trainer mlm bf16": ["trainer", "mlm", "bf16"],
    "mae-bench mlm fp32": ["ours", "mlm", "fp32"],
    "mae-bench mlm auto": ["ours", "mlm", "auto"],
    "mae-bench mae auto": ["ours", "mae", "auto"],
}
WARM_UP_SHARE = 0.25


def token_rows(count: int):
    """Return [count, LENGTH] rows of a skewed first-order chain, with [CLS] and [SEP]."""
    import numpy as np

    rng = np.random.default_rng(0)
    rows = 5 + (rng.zipf(1.3, size=(count, LENGTH)) % (VOCAB - 5))
    rows[:, 0], rows[:, -1] = 2, 3
    return rows


def run_trainer(precision: str, steps: int) -> float:
    """Return tokens a second of transformers.Trainer with its masking collator."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import (
        AutoModelForMaskedLM,
        DataCollatorForLanguageModeling,
        PreTrainedTokenizerFast,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from mae_bench.model.backbone import build_config
    from mae_bench.specs import BackboneSpec

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {name: i for i, name in enumerate([*names, *map(str, range(VOCAB - 5))])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="[UNK]")),
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip
    model = AutoModelForMaskedLM.from_config(build_config(BackboneSpec(preset="cpu"), VOCAB))
    data = [{"input_ids": row.tolist()} for row in token_rows(steps * ROWS)]
    times = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=ROWS, max_steps=steps,
                bf16=precision == "bf16", use_cpu=not torch.cuda.is_available(),
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            ),
            train_dataset=data,
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
            callbacks=[Clock()],
        ).train()  # fmt: skip
    skip = int(steps * WARM_UP_SHARE)
    return (len(times) - 1 - skip) * ROWS * LENGTH / (times[-1] - times[skip])


def run_ours(objective: str, precision: str, steps: int) -> float:
    """Return tokens a second of the pretraining loop."""
    import numpy as np
    import torch

    from mae_bench.runner.memory import keep_freed_memory
    from mae_bench.specs import BackboneSpec, Budget, PretrainRecipe, PretrainSpec
    from mae_bench.training.pretrain import pretrain

    keep_freed_memory()
    spec = PretrainSpec(
        backbone=BackboneSpec(preset="cpu"),
        objective=objective,
        blocks="speed",
        recipe=PretrainRecipe(budget=Budget(steps=steps), batch_rows=ROWS, precision=precision),
        seed=0,
    )
    rows = token_rows(steps * ROWS).astype(np.uint16)
    meta = {
        "row_length": LENGTH, "vocab_size": VOCAB, "num_tokens": rows.size, "has_pads": False,
        "unigram_entropy": 0.0, "num_documents": len(rows), "num_dropped": 0,
    }  # fmt: skip
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in ("blocks", "out", "tokenizer"):
            (home / name).mkdir()
        np.save(home / "blocks" / "rows.npy", rows)
        np.save(home / "blocks" / "validation.npy", rows[:64])
        (home / "blocks" / "meta.json").write_text(json.dumps(meta))
        pretrain(
            spec, blocks=home / "blocks", tokenizer=home / "tokenizer", teacher=None,
            work=home / "work", out=home / "out", device=device, progress=lambda *_: None,
        )  # fmt: skip
        curve = json.loads((home / "out" / "curve.json").read_text())
    skip = int(len(curve["step"]) * WARM_UP_SHARE)
    return (curve["tokens"][-1] - curve["tokens"][skip]) / (
        curve["seconds"][-1] - curve["seconds"][skip]
    )


def main() -> None:
    """Run the contestants in turn and print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        import torch

        torch.set_num_threads(arguments.threads)
        side, objective, precision = arguments.one
        speed = (
            run_trainer(precision, arguments.steps)
            if side == "trainer"
            else run_ours(objective, precision, arguments.steps)
        )
        print(f"speed {speed:.1f}")
        return
    best = dict.fromkeys(CONTESTANTS, 0.0)
    for _ in range(arguments.repeats):
        for name, case in CONTESTANTS.items():
            command = [
                sys.executable, __file__, "--steps", str(arguments.steps),
                "--threads", str(arguments.threads), "--one", *case,
            ]  # fmt: skip
            output = subprocess.run(command, capture_output=True, text=True, check=False)
            if output.returncode:
                sys.exit(f"{name} failed:\n{output.stderr}")
            best[name] = max(best[name], float(output.stdout.split("speed ")[-1]))
    base, mlm = best["Trainer mlm fp32"], best["mae-bench mlm auto"]
    print(f"{'contestant':22}{'tokens/s':>10}{'x Trainer fp32':>16}{'x our mlm':>11}")
    for name, speed in best.items():
        print(f"{name:22}{speed:>10,.0f}{speed / base:>16.2f}{speed / mlm:>11.2f}")


if __name__ == "__main__":
    main()
