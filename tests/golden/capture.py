"""Writes `losses.json`: the losses of ten steps of every objective, fp32, one thread.

Run `python tests/golden/capture.py` only after a change that is meant to move the numbers;
`python tests/golden/capture.py CASE ...` records these cases and leaves the others.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from small_blocks import run_pretraining, write_blocks

FILE = Path(__file__).with_name("losses.json")
ALL_MASKED = {"mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}
CASES = {
    "mlm": ("mlm", {}),
    "mlm, 40% and all by [MASK]": ("mlm", {"mask_ratio": 0.4, **ALL_MASKED}),
    "mlm, half of what is replaced": ("mlm", {"corrupt_ratio": 0.4, "predict_ratio": 0.2}),
    "mlm, two copies": ("mlm", {"corrupt_ratio": 0.2, "predict_ratio": 0.4}),
    "mlm, all tokens": ("mlm", {"loss_on": "all"}),
    "mlm, masks hidden": ("mlm", {"hides_masks": True}),
    "mlm, from the position before": ("mlm", {"predict_from": "before"}),
    "mlm, spans": ("mlm", {"masking": "span"}),
    "mlm, whole words": ("mlm", {"masking": "whole_word"}),
    "mlm, rare tokens": ("mlm", {"masking": "frequency"}),
    "causal": ("causal", {}),
    "rtd": ("rtd", {}),
    "rtd, an embedding of its own": ("rtd", {"share_embeddings": "none"}),
    "span_denoise": ("span_denoise", {}),
    "mae": ("mae", {}),
    "mae, narrow deep decoder": (
        "mae",
        {"mask_ratio": 0.3, "decoder_layers": 2, "decoder_width": 16},
    ),
    "mae, embeddings": ("mae", {"target": "embeddings"}),
    "mae, features of a moving average": ("mae", {"target": "ema_features"}),
    "mae, cross attention": ("mae", {"decoder_attention": "cross", "mask_vector": "shared"}),
    "mae, noise": ("mae", {"fill": "noise", "output_embedding": "own"}),
    "mae, two target sets": ("mae", {"target_sets": 2, "variance_weight": 0.1}),
    "mae, collocations": ("mae", {"masking": "pmi"}),
    "mae, no neighbours": ("mae", {"masking": "non_adjacent", "mask_ratio": 0.4}),
    "mae, a ratio that moves": (
        "mae",
        {"mask_ratio": {"start": 0.7, "end": 0.2, "shape": "cosine"}},
    ),
    "mae_bottleneck": ("mae_bottleneck", {}),
    "simcse": ("simcse", {}),
    "simcse, spans and mlm": ("simcse", {"view": "spans", "mlm_weight": 0.5}),
    "distill": ("distill", {"teacher": "mlm"}),
    "distill, hidden states alone": (
        "distill",
        {"teacher": "mlm", "soft_weight": 0.0, "mlm_weight": 0.0},
    ),
    "distill, clean rows, relations": (
        "distill",
        {
            "teacher": "mlm",
            "mask_inputs": False,
            "mlm_weight": 0.0,
            "relation_weight": 1.0,
            "soft_positions": "all",
        },
    ),
    "distill, from the teacher's layers": (  # with the mlm term: without it the loss starts at 0,
        "distill",  # where its digits are rounding alone
        {"teacher": "mlm", "initialise_from_teacher": True},
    ),
    "random_token_classification": ("random_token_classification", {}),
    "random_token_classification, both": (
        "random_token_classification",
        {"corruption": "both", "mask_ratio": 0.3},
    ),
    "first_char": ("first_char", {}),
    "deshuffle": ("deshuffle", {}),
    "contrastive": ("contrastive", {}),
    "contrastive, cutoff and mlm": ("contrastive", {"view": "cutoff", "mlm_weight": 0.5}),
    "contrastive, shuffle": ("contrastive", {"view": "shuffle"}),
    "mixture": (
        "mixture",
        {"parts": {"mlm": {}, "mae": {"weight": {"start": 1.0, "end": 0.0}}}},
    ),
    "phases": (
        "phases",
        {
            "steps": {"mae": {"share": 0.3}, "mlm": {"share": 0.7, "mask_ratio": 0.3}},
            "resets_optimizer": True,
        },
    ),
}


def initial_draws():
    """Return numbers that initial weights are drawn like: torch 2.11 draws others than 2.13."""
    torch.manual_seed(0)
    return [round(x, 6) for x in torch.nn.init.trunc_normal_(torch.empty(64), std=0.02).tolist()]


def losses_of(case, folder, **changes):
    """Return the losses of ten steps; a teacher is pretrained on the way."""
    torch.set_num_threads(1)
    objective, options = CASES[case]
    if not (folder / "blocks").exists():
        write_blocks(folder / "blocks")
    teacher = folder / "teacher" if "teacher" in options else None
    if teacher is not None and not teacher.exists():
        run_pretraining(folder, "mlm", name="teacher")
    out = run_pretraining(folder, objective, options, name="arm", teacher=teacher, **changes)
    return json.loads((out / "curve.json").read_text())["loss"]


def main():
    chosen = sys.argv[1:] or list(CASES)
    old = json.loads(FILE.read_text())["losses"] if sys.argv[1:] else {}
    losses_by_case = {case: losses for case, losses in old.items() if case in CASES}
    for case in chosen:
        with tempfile.TemporaryDirectory() as folder:
            losses_by_case[case] = [round(loss, 6) for loss in losses_of(case, Path(folder))]
    losses = {case: losses_by_case[case] for case in CASES if case in losses_by_case}
    content = {"torch": torch.__version__, "draws": initial_draws(), "losses": losses}
    FILE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
