"""Pretraining speed against transformers' own Trainer, and MAE against MLM, in one run.

    python benchmarks/speed/pretraining.py [--steps 40] [--repeats 3] [--threads 1 --clock cpu]

Same encoder sizes (preset `cpu`, 6x192, unless another is named), same rows (32 of 128 tokens), a
vocabulary of 4,096, the same threads. The contestants take turns, each in a process of its own; the
best of the repeats counts, and ratios are printed. Needs `accelerate`, which the Trainer wants.

`Trainer` is its default. `tuned Trainer` is the strongest setting known: malloc as this package
sets it, the vocabulary head at the masked positions only, on a CPU the plain attention kernel, the
fused optimizer, no loader process. `compiled` adds torch.compile, which needs a C++ compiler.
"""

import json
import tempfile
from pathlib import Path

from contest import main

VOCAB, ROWS, LENGTH = 4096, 32, 128
CONTESTANTS = {
    "Trainer mlm fp32": ("trainer", "default", "fp32"),
    "Trainer mlm bf16": ("trainer", "default", "bf16"),
    "tuned Trainer mlm fp32": ("trainer", "tuned", "fp32"),
    "tuned Trainer mlm bf16": ("trainer", "tuned", "bf16"),
    "tuned Trainer mlm fp32 compiled": ("trainer", "compiled", "fp32"),
    "tuned Trainer mlm bf16 compiled": ("trainer", "compiled", "bf16"),
    "mae-bench mlm fp32": ("ours", "mlm", "fp32"),
    "mae-bench mlm auto": ("ours", "mlm", "auto"),
    "mae-bench mlm auto compiled": ("ours", "mlm compiled", "auto"),
    "mae-bench mae fp32": ("ours", "mae", "fp32"),
    "mae-bench mae auto": ("ours", "mae", "auto"),
}


def token_rows(count: int):
    """Return [count, LENGTH] rows of a skewed first-order chain, with [CLS] and [SEP]."""
    import numpy as np

    rng = np.random.default_rng(0)
    rows = 5 + (rng.zipf(1.3, size=(count, LENGTH)) % (VOCAB - 5))
    rows[:, 0], rows[:, -1] = 2, 3
    return rows


def tokenizer_of_words():
    """Return a tokenizer of VOCAB words, for the masking collator."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {name: i for i, name in enumerate([*names, *map(str, range(VOCAB - 5))])}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="[UNK]")),
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def run_trainer(setting: str, precision: str, steps: int, preset: str) -> None:
    """Train with transformers.Trainer and its masking collator."""
    import torch
    from transformers import (
        AutoModelForMaskedLM,
        DataCollatorForLanguageModeling,
        Trainer,
        TrainingArguments,
    )

    from mae_bench.model.backbone import build_config
    from mae_bench.specs import BackboneSpec

    config = build_config(BackboneSpec(preset=preset), VOCAB)
    config.sparse_prediction = setting != "default"
    is_plain = setting != "default" and not torch.cuda.is_available()
    kernel = {"attn_implementation": "eager"} if is_plain else {}
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=AutoModelForMaskedLM.from_config(config, **kernel),
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=ROWS, max_steps=steps,
                bf16=precision == "bf16", use_cpu=not torch.cuda.is_available(),
                torch_compile=setting == "compiled", optim="adamw_torch_fused",
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            ),
            train_dataset=[{"input_ids": row.tolist()} for row in token_rows(steps * ROWS)],
            data_collator=DataCollatorForLanguageModeling(
                tokenizer_of_words(), mlm_probability=0.15
            ),
        ).train()  # fmt: skip


def run_ours(setting: str, precision: str, steps: int, preset: str) -> None:
    """Train with the pretraining loop."""
    import numpy as np
    import torch

    from mae_bench.pretraining.pretrain import pretrain
    from mae_bench.specs import BackboneSpec, Budget, PretrainRecipe, PretrainSpec

    objective, *compiled = setting.split()
    spec = PretrainSpec(
        backbone=BackboneSpec(preset=preset),
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
            work=home / "work", out=home / "out", device=device,
            compile_by="inductor" if compiled else "off", progress=lambda *_: None,
        )  # fmt: skip


if __name__ == "__main__":
    sides = {"trainer": run_trainer, "ours": run_ours}
    main(__file__, __doc__, CONTESTANTS, sides, "tokens", ROWS * LENGTH, steps=40)
