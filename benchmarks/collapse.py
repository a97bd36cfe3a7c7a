"""Which runs the collapse rule flags: every objective, trained and hindered, on generated text.

    python benchmarks/collapse.py [--steps 300] [--seeds 2]

One encoder (2 layers of 64), rows of 32 tokens, batches of 32. *Trained* has the peak rate 4e-3;
*stuck* one of 1e-8; *too short* ends after two steps. Printed are, of the seed that speaks most
against its mode, the share of the loss that reading leaves and the R² of left-out words, first
those before training; how many runs are on a plateau of the loss, and how many of these the probe
of the encoder does not save, so that they count as collapsed (PROTOCOL.md, "Collapsed runs").
"""

import argparse
import tempfile
from pathlib import Path

import torch

from mae_bench.data.blocks import build_blocks
from mae_bench.data.tokenizer import train_tokenizer
from mae_bench.objectives.base import parse_options
from mae_bench.pretraining.pretrain import pretrain
from mae_bench.progress import silent
from mae_bench.results import read_json
from mae_bench.specs import (
    BackboneSpec,
    Budget,
    CorpusSpec,
    PretrainRecipe,
    PretrainSpec,
    TokenizerSpec,
)

CASES = {
    "mlm": {},
    "mlm, loss on all": {"loss_on": "all"},
    "mae": {},
    "mae, embeddings": {"target": "embeddings"},
    "mae, ema_features": {"target": "ema_features"},
    "mae, random targets": {"random_targets": True},
    "mae_bottleneck": {},
    "causal": {},
    "rtd": {},
    "span_denoise": {},
    "deshuffle": {},
    "random_token_classification": {},
    "first_char": {},
    "simcse, dropout": {},
    "simcse, spans": {"view": "spans"},
    "contrastive": {},
    "distill": {"teacher": "mlm"},
    "mixture": {"parts": {"mlm": {}, "contrastive": {"weight": 0.2}}},
    "phases": {"steps": {"mlm": {"share": 0.5}, "mae": {"share": 0.5}}},
}
CORPUS = CorpusSpec(tokens=300_000, tokenizer=TokenizerSpec(vocab_size=1024), row_length=32)
BACKBONE = BackboneSpec(num_layers=2, hidden_size=64, num_heads=2, max_length=64)


def main() -> None:
    """Train every case in every mode and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    modes = {
        "trained": {"budget": Budget(steps=arguments.steps), "peak_lr": 4e-3},
        "stuck": {"budget": Budget(steps=arguments.steps // 10), "peak_lr": 1e-8},
        "too short": {"budget": Budget(steps=2), "peak_lr": 4e-3},
    }
    print(f"{'case':28} {'before':>14}", *(f"{mode:>32}" for mode in modes))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_tokenizer(CORPUS, folder / "tokenizer", None, silent)
        build_blocks(CORPUS, folder / "tokenizer", folder / "blocks", None, silent)
        for case, options in CASES.items():
            shown, before = [], ""
            for mode, recipe in modes.items():
                costs = [
                    run(folder, case, mode, options, recipe, s) for s in range(arguments.seeds)
                ]
                before = (
                    f"{max(cost['share_left_at_start'] for cost in costs):.4f} "
                    f"{max(cost['left_out_r2_at_start'] for cost in costs):.4f}"
                )
                is_trained = mode == "trained"
                left = (max if is_trained else min)(cost["share_left"] for cost in costs)
                probe = (min if is_trained else max)(cost["left_out_r2"] for cost in costs)
                plateaus = sum(bool(cost["plateau"]) for cost in costs)
                collapsed = sum(cost["is_collapsed"] for cost in costs)
                shown.append(f"{left:.4f} {probe:.4f}, {plateaus} and {collapsed} of {len(costs)}")
            print(f"{case:28} {before:>14}", *(f"{text:>32}" for text in shown), flush=True)


def run(folder: Path, case: str, mode: str, options: dict, recipe: dict, seed: int) -> dict:
    """Pretrain and return its cost.json; the teacher is the trained mlm of the seed."""
    objective = case.partition(",")[0]
    canonical = parse_options(objective, options).canonical()
    out = folder / f"{case} {mode} {seed}"
    out.mkdir()
    pretrain(
        PretrainSpec(
            backbone=BACKBONE,
            objective=objective,
            options=canonical,
            blocks="blocks",
            recipe=PretrainRecipe(batch_rows=32, **recipe),
            seed=seed,
        ),
        blocks=folder / "blocks",
        tokenizer=folder / "tokenizer",
        teacher=folder / f"mlm trained {seed}" if "teacher" in options else None,
        work=folder / "work" / out.name,
        out=out,
        device="cpu",
        progress=silent,
    )
    return read_json(out / "cost.json")


if __name__ == "__main__":
    main()
