"""Fine-tuning speed against transformers' own Trainer, its lengths grouped or not, in one run.

    python benchmarks/speed/finetuning.py [--preset tiny] [--steps 60] [--threads 1 --clock cpu]

Same encoder sizes (preset `cpu`, 6x192, unless another is named), 32 texts a batch of 5 to 128
tokens, most of them short, as reviews and questions are; the same threads. `grouped` sorts them by
length in groups of up to fifty batches, this package (`bucket_batches: 50`, where its default is 4)
and the tuned Trainer, which also sets malloc as this package does and takes on a CPU the plain
attention kernel. Needs `accelerate`.
"""

import tempfile

from contest import main

VOCAB, BATCH, LENGTH, CLASSES = 4096, 32, 128, 2
CONTESTANTS = {
    "Trainer fp32": ("trainer", "default", "fp32"),
    "Trainer bf16": ("trainer", "default", "bf16"),
    "tuned Trainer grouped fp32": ("trainer", "tuned", "fp32"),
    "tuned Trainer grouped bf16": ("trainer", "tuned", "bf16"),
    "mae-bench fp32": ("ours", "finetune", "fp32"),
    "mae-bench auto": ("ours", "finetune", "auto"),
    "mae-bench grouped fp32": ("ours", "grouped", "fp32"),
    "mae-bench grouped auto": ("ours", "grouped", "auto"),
}


def texts(count: int) -> list[list[int]]:
    """Return texts as token ids, of log-normal lengths around 24 tokens."""
    import numpy as np

    rng = np.random.default_rng(0)
    lengths = np.clip(np.exp(rng.normal(np.log(24), 0.7, count)).astype(int), 5, LENGTH)
    return [[2, *rng.integers(5, VOCAB, length - 2).tolist(), 3] for length in lengths]


def run_trainer(setting: str, precision: str, steps: int, preset: str) -> None:
    """Train a sequence classifier with transformers.Trainer, padded batch by batch."""
    import torch
    from pretraining import tokenizer_of_words
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    from mae_bench.model.backbone import build_config
    from mae_bench.specs import BackboneSpec

    config = build_config(BackboneSpec(preset=preset, max_length=LENGTH), VOCAB)
    config.num_labels, config.classifier_pooling = CLASSES, "mean"
    is_plain = setting != "default" and not torch.cuda.is_available()
    kernel = {"attn_implementation": "eager"} if is_plain else {}
    data = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": i % CLASSES}
        for i, ids in enumerate(texts(steps * BATCH))
    ]
    order = "random" if setting == "default" else "group_by_length"
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=AutoModelForSequenceClassification.from_config(config, **kernel),
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=BATCH, max_steps=steps,
                bf16=precision == "bf16", use_cpu=not torch.cuda.is_available(),
                train_sampling_strategy=order, optim="adamw_torch_fused",
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            ),
            train_dataset=data,
            data_collator=DataCollatorWithPadding(tokenizer_of_words()),
        ).train()  # fmt: skip


def run_ours(setting: str, precision: str, steps: int, preset: str) -> None:
    """Train with the fine-tune of the protocol, one epoch at one rate."""
    import numpy as np
    import torch

    from mae_bench.model.backbone import build_backbone
    from mae_bench.model.heads import TaskModel
    from mae_bench.protocols.finetuner import Finetuner
    from mae_bench.specs import BackboneSpec, FinetuneRecipe
    from mae_bench.tasks import TASKS, Examples, kind_of
    from mae_bench.training.batching import TokenSet

    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = texts(steps * BATCH)
    labels = np.arange(len(rows)) % CLASSES
    examples = Examples(list(map(str, range(len(rows)))), ([""] * len(rows),), labels)
    learner = kind_of(TASKS.get("world/sentiment")).learner(examples)
    backbone = build_backbone(BackboneSpec(preset=preset, max_length=LENGTH), VOCAB, 0)
    model = TaskModel(backbone, learner.head(backbone.width, dropout=0.0, seed=0))
    recipe = FinetuneRecipe(epochs=1, min_steps=steps, batch_size=BATCH, precision=precision)
    if setting == "grouped":
        recipe = recipe.model_copy(update={"bucket_batches": 50})
    tuner = Finetuner(model, learner, recipe, task="speed", seed=0, device=device)
    tokens = TokenSet.of(rows, pad_id=0, vocab_size=VOCAB, device=device)
    for _step in tuner.train(tokens, learner.encode(labels, tokens), 1e-3):
        pass


if __name__ == "__main__":
    sides = {"trainer": run_trainer, "ours": run_ours}
    main(__file__, __doc__, CONTESTANTS, sides, "texts", BATCH, steps=60)
